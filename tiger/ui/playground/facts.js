// The Playground's words and numbers: captions, the chosen point's ID, the loss with this step's numbers, usage, curves.

const LEVEL_LOOKS = [['#0072B2', []], ['#D55E00', [6, 3]], ['#009E73', [2, 3]]]
const LEVEL_LOOKS_DARK = [['#6db3e2', []], ['#f0a04b', [6, 3]], ['#7ccf9c', [2, 3]]]

function number(value) {
  return value === 0 ? '0' : value >= 10 ? value.toFixed(2) : value >= 0.001 ? value.toFixed(4) : value.toExponential(1)
}

export function captions(play) {
  const { root, lab } = play, set = (figure, title, words) => root.querySelector(`.${figure} figcaption`).replaceChildren(
    element('b', { textContent: title }), ...marked(words))
  const planes = lab.method === 'lsh'
  set('one', 'Points and reconstructions', '● point x · ◇ reconstruction x̂')
  if (planes) set('two', 'Level 1: random lines', 'Each line gives one bit of the code')
  else set('two', lab.trained ? 'Latents in cells of level 1' : 'Points in cells of level 1',
           lab.trained ? '→ residual · violet: gradient · dashed: commitment' : '◯ code vector · → residual')
  const level = play.level + 1
  if (planes) set('three', `Level ${level}: other random lines`, 'LSH has no residuals: every level sees the same points')
  else if (lab.levels > 1)
    set('three', `Residuals in cells of level ${level}`, `What level ${level - 1} leaves, all cells laid over one another`)
  else set('three', 'Residuals', 'What level 1 leaves; there is no level 2 to code it')
  const which = root.querySelector('.which')
  which.hidden = lab.levels < 3
  which.replaceChildren(...[1, 2].map(level => {
    const button = element('button', { type: 'button', textContent: `Level ${level + 1}`, onclick: () => {
      play.level = level
      captions(play)
      wake(play)
    } })
    button.setAttribute('aria-pressed', level === play.level)
    return button
  }))
  table(play)
  name(play, root.querySelector('.said').textContent || 'Not started.')
}

// What the pictures are called by those who cannot see them.
function name(play, text) {
  const { root, lab } = play
  const names = ['Points and reconstructions', lab.trained ? 'Latents in cells of level 1' : 'Points in cells of level 1',
                 lab.method === 'lsh' ? 'Points in cells of another level' : 'Residuals']
  root.querySelectorAll('figure canvas').forEach((canvas, n) =>
    canvas.setAttribute('aria-label', `${names[n]}. ${text} Arrow keys choose a point.`))
  root.querySelector('.perplexity').setAttribute('aria-label', `Perplexity by level over the steps. ${text}`)
  root.querySelector('.error').setAttribute('aria-label', `Reconstruction error over the steps. ${text}`)
}

function table(play) {
  const { root, lab } = play
  const rows = lab.trained ? [
    ['recon', '‖x − x̂‖²', 'reconstruction'],
    ['codebook', 'Σ ‖sg[r] − e‖²', 'moves code vectors'],
    ['commit', 'β Σ ‖r − sg[e]‖²', 'moves latents'],
  ] : [['recon', '‖x − x̂‖²', 'reconstruction']]
  root.querySelector('.loss tbody').replaceChildren(...rows.map(([name, formula, words]) => {
    const row = element('tr', {}, element('td', { textContent: formula }), element('td', { textContent: words }), element('td'),
                        element('i', { className: 'share' }))
    row.dataset.part = name
    return row
  }))
  root.querySelector('.loss p').textContent = {
    lsh: 'x̂ is the least-squares guess from the bits; nothing is trained.',
    kmeans: 'x̂ is the sum of the code vectors; every round lowers it.',
  }[lab.method] ?? 'sg stops the gradient: what is inside does not learn from the term.'
  root.querySelector('.usage .levels').replaceChildren(...Array.from({ length: lab.levels }, () =>
    element('div', {}, element('span'), element('canvas'))))
}

export function facts(play, shown) {
  const { root, lab, to } = play, find = selector => root.querySelector(selector), seen = to.seen
  for (const part of ['.facts', '.point']) find(part).style.visibility = seen ? '' : 'hidden'
  if (!seen) return
  const { parts, codes, counts } = seen, summary = []
  const most = Math.max(parts.recon, parts.codebook, lab.trained ? lab.beta * parts.commit : 0, 1e-12)
  for (const row of find('.loss tbody').children) {
    const name = row.dataset.part, value = name === 'commit' ? lab.beta * parts.commit : parts[name]
    row.children[2].textContent = name === 'commit' ? `${lab.beta} × ${number(parts.commit)}` : number(value)
    row.querySelector('.share').style.width = `${100 * value / most}%`
  }
  find('.loss h3').textContent = lab.trained ? `Loss of this step: ${number(parts.loss)}` : 'Error of this step'
  for (const box of [...find('.usage .levels').children].slice(counts.length))
    box.firstElementChild.textContent = 'The next level starts when nothing moves any more.'
  counts.forEach((count, level) => {
    const box = find('.usage .levels').children[level], dead = count.reduce((sum, one) => sum + (one === 0), 0)
    const words = `Level ${level + 1}: perplexity ${perplexity(count).toFixed(1)} of ${lab.codes}, ${dead} dead`
    box.firstElementChild.textContent = words
    summary.push(words)
    bars(box.lastElementChild, [...count], k => level ? (play.dark ? '#aaa59d' : '#77716a') : colourOf(play, k), play.ink)
    box.lastElementChild.setAttribute('role', 'img') // one that is not drawn yet says nothing
    box.lastElementChild.setAttribute('aria-label', `Points of each code. ${words}.`)
  })
  const possible = (lab.codes ** codes.length).toLocaleString('en')
  find('.ids').textContent = `Distinct IDs: ${distinct(codes, lab.n)} of ${possible} possible, for ${lab.n} point${lab.n === 1 ? '' : 's'}`
    + (lab.trained ? ` · ${active(lab).join(' of ')} hidden units active` : '')
  lines(play, find)
  const error = Math.hypot(seen.out[2 * shown] - lab.xy[2 * shown], seen.out[2 * shown + 1] - lab.xy[2 * shown + 1]) ** 2
  const id = codes.map(level => level[shown]), key = `${shown} ${id} ${number(error)}`
  if (play.pointSaid !== key) {
    play.pointSaid = key
    const chips = id.map((one, level) => {
      const chip = element('span', { className: 'chip', textContent: one })
      if (!level) chip.style.borderColor = chip.style.boxShadow = colourOf(play, one)
      return chip
    })
    find('.point').replaceChildren(`Point ${shown}: semantic ID `, ...chips,
      ` · squared distance to its reconstruction ${number(error)} · point at another, or use the arrow keys on a plane`)
  }
  if (!play.playing && play.t === 1 && play.target === null) say(play, summary, find)
}

function lines(play, find) {
  const { history, lab } = play, looks = play.dark ? LEVEL_LOOKS_DARK : LEVEL_LOOKS, last = history.at(-1)
  const marks = lab.turns.map(([step]) => step).filter(step => step < lab.step)
  const series = Array.from({ length: lab.levels }, (_, level) => ({
    values: history.map(one => one?.perplexity[level]), colour: looks[level][0], dash: looks[level][1] }))
  curves(find('.perplexity'), series, { top: lab.codes, marks, ink: play.ink, title: 'Perplexity by level',
                                        last: last.perplexity.map(value => value.toFixed(1)).join(', ') })
  const errors = history.map(one => one?.recon)
  curves(find('.error'), [{ values: errors, colour: looks[0][0] }], {
    top: Math.max(...errors.filter(Number.isFinite)), log: true, marks, ink: play.ink,
    title: 'Reconstruction error (log)', last: number(last.recon) })
}

// For those who cannot see the pictures: said when the picture rests.
function say(play, summary, find) {
  const { lab, to } = play, text = `Step ${to.step}. Reconstruction error ${number(to.seen.parts.recon)}. ${summary.join('. ')}.`
    + (finished(lab) ? lab.method === 'lsh' ? ' All hyperplanes are drawn.' : ' k-means has settled.' : '')
  if (find('.said').textContent === text) return
  find('.said').textContent = text
  name(play, text)
}
