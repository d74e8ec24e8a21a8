// Write what is shown into the page's address, without an entry in the history; null takes a parameter away.
function keepInAddress(values) {
  const query = new URLSearchParams(location.search)
  for (const [name, value] of Object.entries(values)) {
    if (value === null) query.delete(name)
    else query.set(name, value)
  }
  history.replaceState(history.state, '', `${location.pathname}?${query}`)
}
