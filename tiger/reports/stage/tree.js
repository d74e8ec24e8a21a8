// The tree in the middle of the stage: groups as labels, lines between them from the person to the suggestions.

const ROOM = 0.74 // of a column that a label takes; the rest is for lines
const MANY = 4 // levels; of more, the first two have wide columns, and deeper groups have a share and no name
const WIDE = [2.6, 2.2]

// Where each level's column begins and how wide it is, as shares of the tree's box.
function columnsOf(n) {
  const parts = Array.from({ length: n }, (_, at) => n > MANY && WIDE[at] || 1), all = parts.reduce((sum, part) => sum + part)
  return parts.map((part, at) => ({ start: parts.slice(0, at).reduce((sum, one) => sum + one, 0) / all, width: part / all }))
}

// The groups of a scene as elements, placed by shares of the tree's box.
function buildTree(play) {
  const { scene, box } = play, { at, nLeaves } = linesOf(scene.nodes), n = scene.n_levels
  const columns = columnsOf(n)
  box.tree.replaceChildren()
  box.tree.classList.toggle('many', n > MANY)
  play.labels = {}
  for (const node of scene.nodes) {
    const single = node.n_items === 1 && node.fate === 'leads', { start, width } = columns[node.level - 1]
    const named = !single && (n <= MANY || node.level <= WIDE.length)
    const label = make('div', { class: `node${single ? ' single' : ''}`, title: `${node.name}: ${percent(node.part)}` },
      named && make('span', { class: 'name' }, ...(node.name || 'mixed').split(' ').flatMap(word => [make('i', {}, word), ' '])),
      !single && make('span', { class: 'part' }, percent(node.part)))
    label.style.left = `${100 * start}%`
    label.style.width = single ? '' : `${100 * ROOM * width}%`
    label.style.top = `${100 * at[node.key]}%`
    label.style.maxHeight = `${100 / nLeaves}%`
    box.tree.append(label)
    play.labels[node.key] = label
  }
  play.lines = at
}

// Step: which groups are there, and how they stand.
function stepTree(play) {
  const { scene, at, truth } = play
  for (const node of scene.nodes) {
    const label = play.labels[node.key]
    label.dataset.state = stateOf(node, at, scene.n_levels)
    label.classList.toggle('target', truth && node.target)
    label.classList.toggle('fresh', node.level === at)
  }
}

const bend = (x, y, toX, toY) => `M${x} ${y}C${x + 0.5 * (toX - x)} ${y} ${toX - 0.5 * (toX - x)} ${toY} ${toX} ${toY}`

// Lines: from the person to the first groups, between groups, and from the last ones to the cards.
function drawLines(play) {
  const { scene, box, at, truth } = play, frame = box.body.getBoundingClientRect(), u = play.u
  const side = (element, right) => {
    const area = element.getBoundingClientRect()
    return [(right ? area.right : area.left) - frame.left, area.top + area.height / 2 - frame.top]
  }
  const parts = []
  const line = (from, to, part, kind) => parts.push(
    `<path class="${kind}" d="${bend(...from, ...to)}" stroke-width="${Math.max(0.18, 1.5 * Math.sqrt(part)) * u}"/>`)
  if (!play.beside) {
    const trunk = [side(box.left, true)[0] - 0.4 * u, box.tree.getBoundingClientRect().top - frame.top + box.tree.clientHeight / 2]
    for (const node of scene.nodes) {
      const state = stateOf(node, at, scene.n_levels)
      if (state === 'ahead' || (play.narrow && !node.parent)) continue // there the person stands above the tree, not beside it
      line(node.parent ? side(play.labels[node.parent], true) : trunk, side(play.labels[node.key], false), node.part,
        truth && node.target ? 'target' : state)
    }
    if (at > scene.n_levels && !play.narrow) {
      for (const one of scene.suggestions) {
        const card = play.cards.get(one.item), node = scene.nodes.find(node => node.key === one.node)
        if (card) line(side(play.labels[one.node], true), side(card, false), node.part * one.part, truth && one.target ? 'target' : 'running')
      }
    }
  }
  box.lines.innerHTML = parts.join('')
}

// Instead of the tree: other recommenders' lists, one a column.
function drawBeside(play) {
  const { scene, box, icons, truth } = play, { columns, invalid, own } = scene.beside
  const rows = column => column.items.map((item, place) => make('li', { class: truth && item === scene.target ? 'hit' : '' },
    pictureOf(scene.things[item].look, icons), make('span', {}, scene.things[item].title),
    truth && item === scene.target && make('b', {}, ' ✓')))
  box.beside.replaceChildren(
    make('div', { class: `columns${columns.length < 3 ? ' few' : ''}` }, ...columns.map(column => make('section', {},
      make('h3', {}, column.name), make('ol', {}, ...rows(column)),
      make('p', {}, truth && column.said ? `${column.said} ` : '', make('span', { class: 'cost' }, column.cost))))),
    make('p', { class: 'own' }, make('b', {}, 'This recommender: '), truth && own.said ? `${own.said} ` : '',
      `${own.cost}, measured here. ${invalid}`))
}
