// The Playground's controls, and its state in the address: settings at the first step, what changed since, and the step.

const SLIDERS = ['levels', 'codes', 'beta', 'rate']
const PLACES = ['xy', 'seed', 'steps', 'point', 'speed', 'turns', 'scenario']
const ONLY_TRAINED = ['beta', 'rate', 'estimator']
let last = null // what this window showed last, for a visitor who comes back from another page
const BREAKS_IN = 50 // steps in which a turn has done its work
const WRITE_MS = 600 // browsers refuse to change the address much oftener

function typed(name, text) {
  return SLIDERS.includes(name) ? Number(text) : name === 'restart' ? text === '1' : text
}

function texted(name, value) {
  return name === 'restart' ? (value ? '1' : '0') : String(value)
}

function readTurns(play, text) {
  const found = []
  for (const part of text.split('_')) {
    const [step, name, value] = part.split('-')
    if (/^\d{1,4}$/.test(step) && (name === ANEW || LIVE.includes(name) && play.data.options[name].includes(value)))
      found.push([Number(step), name, typed(name, value)])
  }
  return found
}

function writeTurns(turns) {
  return turns.map(([step, name, value]) => `${step}-${name}-${texted(name, value)}`).join('_')
}

// Settings from the texts of the address or of a scenario; what they leave open has its default.
export function settingsOf(play, texts) {
  const { options } = play.data
  const settings = Object.fromEntries(Object.keys(options).map(name => [name, typed(name, texts[name] ?? options[name][0])]))
  return { ...settings, drawn: texts.xy ?? '', seed: Number(texts.seed ?? 0), turns: readTurns(play, texts.turns ?? '') }
}

// What the address says of the Playground; "" where it says nothing.
function addressed(play) {
  const query = new URLSearchParams(location.search), names = [...Object.keys(play.data.options), ...PLACES]
  return names.filter(name => query.has(name)).map(name => `${name}=${query.get(name)}`).join('&')
}

export function keep(play, address = addressed(play)) {
  if (play.data.lesson) return
  const { scenario, settings, speed, chosen, lab } = play
  last = { scenario, settings: { ...settings }, speed, chosen, step: play.target ?? lab.step, address }
}

// Where to begin: as the address says; where that says nothing or nothing new, with what this window showed last.
export function opening(play) {
  const { asked, lesson } = play.data, address = addressed(play)
  if (last && !lesson && (address === '' || address === last.address)) return last
  const settings = settingsOf(play, { ...asked, seed: String(asked.seed ?? 0) })
  return { scenario: asked.scenario ?? '', settings, speed: asked.speed ?? 'normal',
           chosen: asked.point ?? 0, step: asked.steps ?? 0 }
}

// In a lesson, only what it needs is shown; it begins to play when it is told to.
export function fitLesson(play) {
  const { lesson } = play.data, { root } = play
  if (!lesson) return
  root.querySelector('.pg').classList.add('lesson')
  for (const name of ['.scenarios', '.look', '.shapes', '.again', '.loss', '.curves', '.point'])
    root.querySelector(name).hidden = true
  for (const name of ['one', 'two', 'three']) root.querySelector(`.${name}`).hidden = !lesson.planes.includes(name)
  for (const label of root.querySelectorAll('[data-for]')) label.hidden = !lesson.controls.includes(label.dataset.for)
  root.querySelector('.all').parentElement.hidden = true
  for (const name of ['.bar', '.usage']) root.querySelector(name).hidden = !lesson.plays
  root.querySelector('.settings').hidden = !lesson.controls.length
  root.querySelector('.planes').style.gridTemplateColumns = `repeat(${lesson.planes.length}, minmax(0, 1fr))`
  if (lesson.plays && !play.begun) play.begun = play.playing = true
}

export function scenarioOf(play) {
  return play.data.scenarios.find(({ key }) => key === play.scenario)
}

// The address says what is shown, so that a copied link opens the same picture. The server is not asked.
export function remember(play, now = false) {
  clearTimeout(play.waiting)
  const wait = now ? 0 : WRITE_MS - (performance.now() - (play.written ?? -WRITE_MS))
  if (wait > 0) {
    play.waiting = setTimeout(() => remember(play, true), wait)
    return
  }
  play.written = performance.now()
  if (play.data.lesson || (!play.root.isConnected && !play.root.host?.isConnected)) return
  const { options } = play.data, query = new URLSearchParams(location.search), scenario = scenarioOf(play)
  const put = (name, text, silent) => text === silent ? query.delete(name) : query.set(name, text)
  for (const name of Object.keys(options)) {
    if (scenario) query.delete(name)
    else put(name, texted(name, play.settings[name]), options[name][0])
  }
  const turns = writeTurns(play.settings.turns)
  put('xy', play.settings.points === 'drawn' ? play.settings.drawn : '', '')
  put('seed', String(play.settings.seed), '0')
  put('steps', String(play.target ?? play.lab.step), '0')
  put('point', String(play.chosen), '0')
  put('speed', play.speed, 'normal')
  put('turns', turns === scenario?.turns ? '' : turns, '')
  put('scenario', play.scenario, '')
  const text = query.toString(), to = location.pathname + (text ? `?${text}` : '')
  if (to !== location.pathname + location.search) history.replaceState(history.state, '', to)
  keep(play)
}

// A setting was changed by hand. One that is live is noted with its step; any other starts the training anew.
export function change(play, name, value) {
  const { lab, settings } = play
  if ((LIVE.includes(name) || name === ANEW) && lab.step > 0) {
    const others = settings.turns.filter(([step, other]) => other !== name || step < lab.step)
    settings.turns = lab.turns = [...others, [lab.step, name, value]]
    turn(lab, name, value)
    lab.seen = see(lab)
    play.edited = true
    refreshed(play)
  } else {
    if (play.edited) rebase(play)
    settings[name] = value
    play.scenario = ''
    start(play)
  }
  remember(play, true)
}

// What was changed by hand on the way holds from the start.
export function rebase(play) {
  for (const name of LIVE) play.settings[name] = play.lab[name]
  for (const [step, name, value] of play.settings.turns) // those that a replay has not come to yet
    if (LIVE.includes(name) && step >= play.lab.step && step < (play.target ?? 0)) play.settings[name] = value
  play.settings.turns = []
  play.scenario = ''
}

export function choose(play, key) {
  const { points, drawn, seed } = play.settings, scenario = play.data.scenarios.find(one => one.key === key)
  play.scenario = key
  play.settings = { ...settingsOf(play, { ...scenario.settings, turns: scenario.turns }), drawn, seed }
  play.chosen = points === play.settings.points ? play.chosen : 0
  start(play)
  play.playing = true
  remember(play, true)
}

// How far a scenario that breaks by its own turns has come; "" before they have done their work, and for all others.
export function stage(play) {
  const scenario = scenarioOf(play)
  if (!scenario?.cure) return ''
  if (play.settings.turns.some(([, name]) => name === ANEW)) return 'cured'
  const last = Math.max(...readTurns(play, scenario.turns).map(([step]) => step))
  return play.lab.step >= last + BREAKS_IN ? 'broken' : ''
}

// What to look for now, and the button that cures what the scenario broke.
export function lookFor(play) {
  const { root } = play, scenario = scenarioOf(play), own = 'Your own settings. Press **Play**, or **Step** for a single step.'
  play.stage = stage(play)
  const words = { broken: scenario?.cure?.why, cured: scenario?.cure?.then }[play.stage] ?? scenario?.look_for ?? own
  root.querySelector('.look span').replaceChildren(...marked(words))
  const button = root.querySelector('.cure')
  button.hidden = play.stage !== 'broken'
  button.textContent = scenario?.cure?.title ?? ''
}

export function cure(play) {
  const { lab } = play, { turns } = scenarioOf(play).cure
  for (const [, name, value] of readTurns(play, turns.split('_').map(part => `${lab.step}-${part}`).join('_')))
    change(play, name, value)
  play.playing = true
  wake(play)
}

// ---------------------------------------------------------------------------------------------------- the controls

function element(tag, props = {}, ...children) {
  const made = Object.assign(document.createElement(tag), props)
  made.append(...children)
  return made
}

// Text whose **bold** parts are set bold.
export function marked(text) {
  return text.split('**').map((part, n) => n % 2 ? element('b', { textContent: part }) : part)
}

function ordered(play, name) {
  return [...play.data.options[name]].sort((a, b) => Number(a) - Number(b))
}

export function buildControls(play) {
  const { root, data } = play, find = selector => root.querySelector(selector)
  find('.scenarios').replaceChildren('Try', ...data.scenarios.map(({ key, title }) => {
    const button = element('button', { type: 'button', textContent: title, onclick: () => choose(play, key) })
    button.dataset.key = key
    return button
  }))
  find('.shapes').replaceChildren(...data.options.points.map(name => {
    const canvas = element('canvas'), button = element('button', { type: 'button', onclick: () => change(play, 'points', name) },
                                                      canvas, data.labels.points[name])
    canvas.setAttribute('aria-hidden', 'true')
    button.dataset.key = name
    return button
  }))
  for (const control of root.querySelectorAll('[data-set]')) {
    const name = control.dataset.set
    if (SLIDERS.includes(name)) {
      const stops = ordered(play, name)
      Object.assign(control, { min: 0, max: stops.length - 1, step: 1 })
      control.oninput = () => change(play, name, Number(stops[control.value]))
    } else if (control.type === 'checkbox') control.onchange = () => change(play, name, control.checked)
    else {
      const labels = data.labels[name]
      control.replaceChildren(...data.options[name].map(value => element('option', { value, textContent: labels[value] })))
      control.onchange = () => change(play, name, control.value)
    }
  }
  find('.cure').onclick = () => cure(play)
  find('.play').onclick = () => toggle(play)
  find('.step').onclick = () => single(play)
  find('.reset').onclick = () => {
    if (play.edited) rebase(play)
    play.playing = false
    start(play)
    remember(play, true)
  }
  find('.again').onclick = () => {
    if (play.edited) rebase(play)
    play.settings.seed = (play.settings.seed + 1) % 1000
    start(play)
    remember(play, true)
  }
  find('.speed').onchange = event => {
    Object.assign(play, { speed: event.target.value, phase: null })
    syncControls(play)
    wake(play)
    remember(play, true)
  }
  find('.all').onchange = event => {
    play.all = event.target.checked
    wake(play)
  }
  find('.clear').onclick = () => change(play, 'drawn', '')
}

// Every control shows what holds at this step.
export function syncControls(play) {
  const { root, lab, settings, data } = play, find = selector => root.querySelector(selector)
  for (const control of root.querySelectorAll('[data-set]')) {
    const name = control.dataset.set, value = lab[name]
    if (SLIDERS.includes(name)) {
      control.value = ordered(play, name).indexOf(String(value))
      control.parentElement.querySelector('output').textContent = value
      control.setAttribute('aria-valuetext', String(value))
    } else if (control.type === 'checkbox') control.checked = value
    else control.value = value
    const off = ONLY_TRAINED.includes(name) && !lab.trained || name === 'levels' && lab.method === 'vqvae' ||
      ['start', 'restart'].includes(name) && lab.method === 'lsh'
    const waits = LIVE.includes(name) && play.target !== null // it would change another step than the one that is asked for
    control.disabled = off || waits
    control.parentElement.classList.toggle('off', off)
  }
  for (const button of find('.scenarios').querySelectorAll('button'))
    button.setAttribute('aria-pressed', button.dataset.key === play.scenario)
  for (const button of find('.shapes').querySelectorAll('button'))
    button.setAttribute('aria-pressed', button.dataset.key === settings.points)
  for (const name of ['.play', '.step', '.cure']) find(name).disabled = play.target !== null
  find('.pg').setAttribute('aria-busy', play.target !== null)
  lookFor(play)
  find('.speed').value = play.speed
  find('.step').textContent = play.speed === 'slow' && lab.trained ? 'Next part' : 'Step'
  find('.again').textContent = `Seed ${settings.seed} ↻`
  find('.drawing').hidden = settings.points !== 'drawn'
  find('.drawing span').textContent = `${lab.n} of ${MAX_DRAWN} points`
  find('.one').classList.toggle('draws', settings.points === 'drawn')
}

// The small pictures on the buttons of points.
export function thumbnails(play) {
  for (const button of play.root.querySelectorAll('.shapes button')) {
    const name = button.dataset.key, view = surface(button.querySelector('canvas'), REACH)
    const xy = name === 'drawn' ? unpack(play.settings.drawn) : SHAPES[name](play.settings.seed)
    for (let i = 0; i < xy.length; i += 2) {
      view.pen.fillStyle = play.ink
      view.pen.globalAlpha = 0.7
      view.pen.fillRect(...view.at(xy[i], xy[i + 1]), 1.4, 1.4)
    }
    if (name === 'drawn' && !xy.length) {
      view.pen.strokeStyle = play.ink
      view.pen.lineWidth = 1.5
      view.pen.beginPath()
      for (let x = -1.1; x <= 1.1; x += 0.1) view.pen.lineTo(...view.at(x, 0.7 * Math.sin(3 * x)))
      view.pen.stroke()
    }
  }
}
