// Where the keyboard stands, over a redraw: on the same control, else on its nearest neighbour that can be used, else on the stage.
// A control that is drawn anew is told by its name, ``data-focus``: its kind, a colon, and which one.

const usable = node => node.isConnected && !node.disabled && node.getClientRects().length > 0
const controlsOf = play => [...play.root.querySelectorAll('button, input, [tabindex="0"]')].filter(usable)
const kindOf = node => (node.dataset.focus ?? '').split(':')[0]

// The control that has the focus, and those around it; null where that is none of the stage's.
function held(play) {
  const node = play.root.getRootNode().activeElement
  if (!node || node === play.root || !play.root.contains(node)) return null
  return { node, around: controlsOf(play), byKey: node.matches(':focus-visible') }
}

// A pointer's focus goes to the stage where its control is gone, so that the next key is a step and presses no other button.
function restore(play, was) {
  if (!was) return
  const now = play.root.getRootNode().activeElement
  if (now && now !== play.root && play.root.contains(now) && usable(now)) return
  ((was.byKey && nearest(play, was)) || play.root).focus()
}

function nearest(play, { node, around }) {
  const there = controlsOf(play), named = new Map(there.map(one => [one.dataset.focus, one]))
  const heir = one => usable(one) ? one : one.dataset.focus && named.get(one.dataset.focus)
  const peers = all => all.filter(one => kindOf(node) && kindOf(one) === kindOf(node))
  const place = Math.max(0, peers(around).indexOf(node)), at = Math.max(0, around.indexOf(node))
  const byDistance = around.map((one, i) => [Math.abs(i - at), one]).sort(([a], [b]) => a - b).map(([, one]) => heir(one))
  return heir(node) ?? peers(there)[Math.min(place, peers(there).length - 1)] ?? byDistance.find(Boolean)
}

function keepFocus(play, draw) {
  const was = held(play)
  draw()
  restore(play, was)
}
