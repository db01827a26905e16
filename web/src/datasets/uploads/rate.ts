/** Measures the speed of a transfer over its last seconds. */

const WINDOW_MS = 5000;
const MIN_MS = 500;

export interface Rate {
  /** Bytes per second; null while too little is known. */
  speed: number | null;
  secondsLeft: number | null;
}

export class RateMeter {
  #points: { at: number; done: number }[] = [];

  /** Record that `done` of `total` bytes are sent at a time in milliseconds. */
  record(done: number, total: number, at: number): Rate {
    this.#points.push({ at, done });
    while (this.#points.length > 2 && at - (this.#points[1]?.at ?? at) >= WINDOW_MS) {
      this.#points.shift();
    }
    const first = this.#points[0];
    if (!first || at - first.at < MIN_MS || done <= first.done) {
      return { speed: null, secondsLeft: null };
    }
    const speed = ((done - first.done) / (at - first.at)) * 1000;
    return { speed, secondsLeft: (total - done) / speed };
  }
}
