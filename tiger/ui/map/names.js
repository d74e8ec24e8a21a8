// Names on the map: where they stand, and which of them have room.

const CELLS = 40 // along each side of the plane

// Where each group's marks lie closest together: the middle of those in its fullest three by three cells; null for a group of none.
export function spotsOf([x, y], group, n_groups, full) {
  const cell = place => Math.min(CELLS - 1, Math.floor(place / full * CELLS)), n_cells = CELLS * CELLS
  const counts = new Uint32Array(n_groups * n_cells)
  for (let i = 0; i < group.length; i++) if (group[i] < n_groups) counts[group[i] * n_cells + cell(y[i]) * CELLS + cell(x[i])]++
  const windows = Array.from({ length: n_groups }, (_, g) => fullest(counts.subarray(g * n_cells, (g + 1) * n_cells)))
  const sums = windows.map(() => ({ x: 0, y: 0, n: 0 }))
  for (let i = 0; i < group.length; i++) {
    const at = windows[group[i]], sum = sums[group[i]]
    if (!at || Math.abs(cell(x[i]) - at.column) > 1 || Math.abs(cell(y[i]) - at.row) > 1) continue
    sum.x += x[i]
    sum.y += y[i]
    sum.n++
  }
  return sums.map(({ x, y, n }) => n ? { x: x / n, y: y / n } : null)
}

function fullest(count) {
  let best = { column: 0, row: 0 }, most = -1
  for (let row = 0; row < CELLS; row++) for (let column = 0; column < CELLS; column++) {
    let n = 0
    for (let r = Math.max(0, row - 1); r <= Math.min(CELLS - 1, row + 1); r++)
      for (let c = Math.max(0, column - 1); c <= Math.min(CELLS - 1, column + 1); c++) n += count[r * CELLS + c]
    if (n > most) [best, most] = [{ column, row }, n]
  }
  return best
}

const touch = (one, other) => one.left < other.left + other.width && other.left < one.left + one.width
  && one.top < other.top + other.height && other.top < one.top + one.height

// For each name the first of its boxes that touches no box of a name before it; null where all do.
export function apart(names) {
  const standing = []
  return names.map(boxes => {
    const free = boxes.find(box => !standing.some(other => touch(box, other))) ?? null
    if (free) standing.push(free)
    return free
  })
}
