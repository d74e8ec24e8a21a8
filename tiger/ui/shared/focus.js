// Where a button is disabled by its own press, as Back at the first step is, the keyboard goes on from the nearest control of its
// row instead of from the top of the page.
if (!window.tigerFocus) {
  window.tigerFocus = true
  let last
  addEventListener('focusin', event => { last = event.target })
  const move = () => {
    if (!last?.isConnected || !last.disabled || ![document.body, last].includes(document.activeElement)) return
    const row = last.closest('[data-testid=stHorizontalBlock], [data-testid=stVerticalBlock]')
    const near = [...row?.querySelectorAll('button, input') ?? []]
    const at = near.indexOf(last), free = one => !one.disabled
    const other = near.slice(at + 1).find(free) ?? near.slice(0, at).reverse().find(free)
    other?.focus()
  }
  new MutationObserver(changes => { if (changes.some(one => one.target === last)) requestAnimationFrame(move) }).observe(
    document.body, {subtree: true, attributes: true, attributeFilter: ['disabled']})
}
