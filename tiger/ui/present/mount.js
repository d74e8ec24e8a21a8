// Where the stage meets the page: Streamlit's call, the server's ear, and the address.

const plays = new WeakMap(), PAGE = 'tiger.present.page'
let asked = 0 // number of the newest question; it rises over reloads, too

function remembered() {
  try {
    return sessionStorage.getItem(PAGE) === '1'
  } catch {
    return false
  }
}

export default ({ parentElement, data, setTriggerValue }) => {
  const root = parentElement.querySelector('.stage')
  if (!data || !root) return
  let play = plays.get(parentElement)
  if (play) {
    const fills = data.fill !== play.data.fill
    play.hooks.tell = setTriggerValue
    play.hooks.open = play.hooks.open.filter(what => what.number > data.heard)
    take(play, data)
    if (fills) fill(play, true)
  } else {
    const hooks = {
      tell: setTriggerValue,
      open: [], // what the server has not heard yet: of two questions in one moment Streamlit delivers the second alone
      ask: what => {
        asked = Math.max(asked + 1, Date.now())
        hooks.open.push({ ...what, number: asked })
        hooks.tell('ask', hooks.open)
        return asked
      },
      step: at => keepInAddress({ scene: at || null }),
      filled: full => {
        try {
          sessionStorage.setItem(PAGE, full ? '0' : '1')
        } catch { /* it opens full again */ }
      },
    }
    plays.set(parentElement, play = openStage(root, data, hooks))
    fill(play, !remembered())
  }
  return () => {
    closeStage(play)
    plays.delete(parentElement)
  }
}
