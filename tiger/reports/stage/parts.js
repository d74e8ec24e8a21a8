// Small parts of the stage: elements, pictures of items, and what a step shows of the tree.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node[name] = value
    else if (value === true) node.setAttribute(name, '')
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value)
  }
  node.append(...children.filter(child => child !== null && child !== undefined && child !== false))
  return node
}

// What an item looks like: its picture, else the drawn icon of its category, else its initials.
function pictureOf(look, icons) {
  const box = make('span', { class: `pic colour${look.colour}`, 'aria-hidden': 'true' })
  if (look.picture) {
    const image = make('img', { alt: '', src: look.picture, referrerpolicy: 'no-referrer' })
    image.onerror = () => box.replaceChildren(look.initials)
    box.append(image)
  } else if (icons[look.icon]) {
    box.innerHTML = `<svg viewBox="0 0 24 24">${icons[look.icon]}</svg>`
  } else box.append(look.initials)
  return box
}

// How a group of the tree stands at a step: not there yet, in the running, or set aside.
function stateOf(node, step, nLevels) {
  if (node.level > step) return 'ahead'
  if (node.fate === 'leads') return 'running'
  if (node.fate === 'ends') return step <= Math.min(node.until, nLevels) ? 'running' : 'aside'
  return 'aside'
}

// Where every group stands, in shares of the height: leaves on lines of their own, a parent in the middle of its children.
function linesOf(nodes) {
  const below = new Map(nodes.map(node => [node.key, []])), at = {}
  for (const node of nodes) below.get(node.parent)?.push(node.key)
  const leaves = nodes.filter(node => !below.get(node.key).length)
  leaves.forEach((node, line) => at[node.key] = (line + 0.5) / leaves.length)
  for (const node of [...nodes].reverse()) {
    const lines = below.get(node.key).map(key => at[key])
    if (lines.length) at[node.key] = (Math.min(...lines) + Math.max(...lines)) / 2
  }
  return { at, nLeaves: leaves.length }
}

// A number with its noun: 1 thing, 3 things.
const counted = (n, noun) => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`

const percent = part => part >= 0.0995 ? `${Math.round(100 * part)} %` : part >= 0.00095 ? `${(100 * part).toPrecision(2)} %` : '< 0.1 %'
