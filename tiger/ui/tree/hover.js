// The branch of an icicle under the pointer: the way to it and what is below it stand out, in the other tree nothing changes.
if (!window.tigerTreeHover) {
  window.tigerTreeHover = true
  const heard = new WeakSet()
  const on = (one, other) => `${one}-`.startsWith(`${other}-`) || `${other}-`.startsWith(`${one}-`)
  const prefixes = plot => plot.data?.[0]?.meta?.prefix ?? []
  const fade = (plot, prefix) => {
    const ids = prefixes(plot)
    plot.querySelectorAll('.bars .point').forEach((bar, at) => {
      bar.style.opacity = prefix === null || on(String(ids[at]), prefix) ? '' : '0.25'
    })
  }
  const attach = plot => {
    if (heard.has(plot) || typeof plot.on !== 'function') return
    heard.add(plot)
    plot.on('plotly_hover', event => {
      const prefix = prefixes(plot)[event.points[0].pointNumber]
      if (prefix !== undefined) fade(plot, String(prefix))
    })
    plot.on('plotly_unhover', () => fade(plot, null))
  }
  const look = () => document.querySelectorAll('[class*="st-key-own_tree-Icicle"] .js-plotly-plot, '
    + '[class*="st-key-other_tree-Icicle"] .js-plotly-plot').forEach(attach)
  document.addEventListener('pointerover', look, { passive: true }) // a figure that the pointer has just reached is there
}
