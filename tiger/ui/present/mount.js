// Where the stage meets the page: Streamlit's call, the server's ear, and the address.

const plays = new WeakMap(), PAGE = 'tiger.present.page'
let asked = 0

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
    take(play, data)
    if (fills) fill(play, true)
  } else {
    const hooks = {
      tell: setTriggerValue,
      ask: what => hooks.tell('ask', { ...what, number: ++asked }),
      step: at => {
        const query = new URLSearchParams(location.search)
        if (at) query.set('scene', at)
        else query.delete('scene')
        history.replaceState(history.state, '', `${location.pathname}?${query}`)
      },
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
