// Where the branches of a tree lie: as icicle, sunburst or treemap. Every branch takes as much room as it has items.

const HEAD = 17 // pixels above what is inside a treemap's branch, for its name
const HOLE = 0.16 // of a sunburst's radius, in its middle

// Nodes of one picture, parents first: who is below whom, and behind how many items of the whole tree each begins.
export function grow(picture, texts, fullestFirst) {
  const nodes = picture.above.map((above, i) => ({ above: null, below: [], depth: 0, start: 0, size: picture.size[i], rest: picture.rest[i],
    code: texts[picture.code[i]], name: texts[picture.name[i]], words: texts[picture.words[i]], categories: texts[picture.categories[i]],
    colour: texts[picture.colour[i]] }))
  const tops = []
  nodes.forEach((node, i) => {
    const above = node.above = nodes[picture.above[i]] ?? null
    node.depth = above ? above.depth + 1 : 0
    node.prefix = above ? `${above.prefix}-${node.code}` : node.code
    ;(above ? above.below : tops).push(node)
  })
  const order = below => below.sort((a, b) => (a.rest > 0) - (b.rest > 0) || (fullestFirst ? b.size - a.size : 0))
  let at = 0
  for (const top of order(tops)) [top.start, at] = [at, at + top.size]
  for (const node of nodes) { // parents come before their children
    at = node.start
    for (const child of order(node.below)) [child.start, at] = [at, at + child.size]
  }
  return { nodes, tops, size: tops.reduce((sum, top) => sum + top.size, 0) }
}

// What is drawn: everything, or what lies below one branch; a branch with nothing below is drawn itself.
export function inside(tree, root) {
  const tops = !root ? tree.tops : root.below.length ? root.below : [root], shown = [...tops]
  for (let i = 0; i < shown.length; i++) shown.push(...shown[i].below)
  const first = tops[0]?.depth ?? 0, deepest = shown.reduce((most, node) => Math.max(most, node.depth), first)
  return { tops, shown, first, n: deepest - first + 1, start: root?.start ?? 0, size: root?.size ?? tree.size }
}

const KINDS = {
  Icicle({ shown, first, n, start, size }, width, height) {
    const column = width / n
    for (const node of shown) node.box = { x: (node.depth - first) * column, y: (node.start - start) / size * height, w: column - (n > 1 ? 1.5 : 0),
      h: node.size / size * height }
  },
  Sunburst({ shown, first, n, start, size }, width, height) {
    const radius = Math.min(width, height) / 2, hole = radius * HOLE, ring = (radius - hole) / n, turn = 2 * Math.PI / size
    for (const node of shown) {
      const inner = hole + (node.depth - first) * ring, from = (node.start - start) * turn - Math.PI / 2
      node.box = { cx: width / 2, cy: height / 2, inner, outer: inner + ring, from, to: from + node.size * turn }
    }
  },
  Treemap({ tops }, width, height) {
    const fill = (nodes, box) => {
      squarify(nodes, box)
      for (const node of nodes.filter(one => one.below.length)) {
        const { x, y, w, h } = node.box, head = h > 3 * HEAD && w > 40 ? HEAD : Math.min(3, h / 6), pad = Math.min(1.5, w / 12)
        fill(node.below, { x: x + pad, y: y + head, w: w - 2 * pad, h: h - head - pad })
      }
    }
    fill(tops, { x: 0, y: 0, w: width, h: height })
  },
}

// Rectangles as near to squares as the order of the nodes allows. Source: Bruls, Huizing and van Wijk 2000, "Squarified treemaps".
function squarify(nodes, { x, y, w, h }) {
  let left = nodes.reduce((sum, node) => sum + node.size, 0)
  for (let i = 0; i < nodes.length;) {
    const side = Math.min(w, h), scale = w * h / left
    const worst = (sum, least, most) => Math.max(side * side * most / (sum * sum * scale), sum * sum * scale / (side * side * least))
    let stop = i, sum = 0, least = Infinity, most = 0
    while (stop < nodes.length) {
      const { size } = nodes[stop], [lo, hi] = [Math.min(least, size), Math.max(most, size)]
      if (stop > i && worst(sum + size, lo, hi) > worst(sum, least, most)) break
      ;[sum, least, most, stop] = [sum + size, lo, hi, stop + 1]
    }
    const thick = side ? sum * scale / side : 0
    let along = 0
    for (const node of nodes.slice(i, stop)) {
      const long = node.size / sum * side
      node.box = w >= h ? { x, y: y + along, w: thick, h: long } : { x: x + along, y, w: long, h: thick }
      along += long
    }
    if (w >= h) [x, w] = [x + thick, Math.max(w - thick, 0)]
    else [y, h] = [y + thick, Math.max(h - thick, 0)]
    ;[left, i] = [left - sum, stop]
  }
}

// Give every shown node its ``box`` in pixels.
export function place(kind, view, width, height) {
  KINDS[kind](view, width, height)
}

// The deepest shown node at a point.
export function hit({ shown }, x, y) {
  let found = null
  for (const node of shown) {
    const { box } = node
    if (box.outer) {
      const far = Math.hypot(x - box.cx, y - box.cy), angle = Math.atan2(y - box.cy, x - box.cx)
      const turned = angle < -Math.PI / 2 ? angle + 2 * Math.PI : angle
      if (far >= box.inner && far < box.outer && turned >= box.from && turned < box.to) found = node
    } else if (x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h) found = node
  }
  return found
}

// The middle of a node, where the pointer or the keyboard speaks of it.
export function middle({ box }) {
  if (!box.outer) return [box.x + box.w / 2, box.y + box.h / 2]
  const angle = (box.from + box.to) / 2, far = (box.inner + box.outer) / 2
  return [box.cx + far * Math.cos(angle), box.cy + far * Math.sin(angle)]
}
