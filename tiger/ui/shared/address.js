// Write what is shown into the page's address, without an entry in the history; null takes a parameter away.
function keepInAddress(values) {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name)
    else query.set(name, value)
  }
  history.replaceState(history.state, '', `${location.pathname}?${query}`)
}

// Tell the server when nothing has changed for a moment; until then `of.untold` is set. What is told after another page was asked for calls the
// visitor back to this one: it waits long enough for that page once a link was pressed, is not told after Back, and goes before any other press
// outside of `of.root`. Until then the document's root element says `data-untold`.
const PRESSES = ['pointerdown', 'keydown'], LEAVING_MS = 10_000

function tellSoon(of, ms, tell) {
  leaveUntold(of)
  document.documentElement.toggleAttribute('data-untold', true)
  const untold = of.untold = { timer: setTimeout(now, ms), pressed, back: () => leaveUntold(of) }
  for (const press of PRESSES) document.addEventListener(press, pressed, true)
  addEventListener('popstate', untold.back)

  function now() {
    leaveUntold(of)
    tell()
  }
  function pressed(event) {
    const path = event.composedPath()
    if (path.some(node => node.localName === 'a')) {
      clearTimeout(untold.timer)
      untold.timer = setTimeout(now, LEAVING_MS)
    } else if (!path.includes(of.root)) now()
  }
}

function leaveUntold(of) {
  if (!of.untold) return
  const { timer, pressed, back } = of.untold
  clearTimeout(timer)
  for (const press of PRESSES) document.removeEventListener(press, pressed, true)
  removeEventListener('popstate', back)
  document.documentElement.toggleAttribute('data-untold', false)
  of.untold = null
}
