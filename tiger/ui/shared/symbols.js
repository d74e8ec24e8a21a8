const SVG = 'http://www.w3.org/2000/svg'

// An SVG element; attributes without a value are left out.
function make(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined && value !== null) made.setAttribute(key, value)
  made.append(...children)
  return made
}

// The outline of a mark of radius r around the origin, by Plotly's name of its symbol.
function outline(symbol, r) {
  const around = (n, turn, radius = () => r) => Array.from({ length: n }, (_, i) => {
    const at = turn + 2 * Math.PI * i / n
    return `${(radius(i) * Math.cos(at)).toFixed(1)} ${(radius(i) * Math.sin(at)).toFixed(1)}`
  }).join('L')
  const cross = `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`, square = `M${-r} ${-r}H${r}V${r}H${-r}Z`, thin = r / 3
  switch (symbol.replace('-open', '')) {
    case 'circle': return `M${-r} 0A${r} ${r} 0 1 0 ${r} 0A${r} ${r} 0 1 0 ${-r} 0Z`
    case 'triangle-down': return `M${around(3, Math.PI / 2)}Z`
    case 'triangle-up': return `M${around(3, -Math.PI / 2)}Z`
    case 'diamond': return `M${around(4, 0)}Z`
    case 'hexagon': return `M${around(6, -Math.PI / 2)}Z`
    case 'star': return `M${around(10, -Math.PI / 2, i => (i % 2 ? 0.45 : 1.1) * r)}Z`
    case 'square': return square
    case 'square-x': return square + cross
    case 'cross': return `M${-thin} ${-r}H${thin}V${-thin}H${r}V${thin}H${thin}V${r}H${-thin}V${thin}H${-r}V${-thin}H${-thin}Z`
    default: return cross
  }
}

const DASHES = { dash: '7 5', dot: '2 4', dashdot: '7 4 2 4', longdash: '11 5', longdashdot: '11 5 2 5' }
