// The way to a step that a link names: in slices, so that the page answers while thousands of steps are made.

const SLICE_MS = 12 // of a frame's sixteen
const SHOWN_MS = 250 // between two pictures on the way

// Make the next steps until ``over`` says so; the same ones in the same order however often they are interrupted. Afterwards
// ``play.target``, the step to go to, is null where it is reached or nothing is left to do.
export function replay(play, over, note) {
  if (play.target === null) return
  do {
    const more = play.lab.step < play.target && advance(play.lab)
    note(play)
    if (!more || play.lab.step >= play.target) play.target = null
  } while (play.target !== null && !over())
}

function sliceFrom(since) {
  return () => performance.now() - since > SLICE_MS
}

function where({ lab, to, target }) {
  const written = step => step.toLocaleString('en')
  return target === null ? `Step ${written(to.step)}` : `Replaying step ${written(lab.step)} of ${written(target)}`
}

// One frame on the way: a slice of steps, how far they are, and now and then a picture.
function replayFrame(play, now) {
  replay(play, sliceFrom(performance.now()), note)
  if (play.target === null) return refreshed(play)
  play.root.querySelector('.at').textContent = where(play)
  if (!play.still && now - (play.pictured ?? 0) > SHOWN_MS) {
    play.pictured = now
    play.from = play.to = shot(play)
    draw(play)
  }
  wake(play)
}
