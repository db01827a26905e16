/** Places for the labels of bars, so that they cover neither each other nor another bar. */

/** A bar of a drawing and its label, in pixels; y grows downwards. */
export interface LabelledBar {
  label: string;
  left: number;
  right: number;
  y: number;
}

/** The start of a label's baseline. */
export interface Place {
  x: number;
  y: number;
}

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const CHARACTER_WIDTH = 6.5;
const ASCENT = 11;
const DESCENT = 4;
/** Half of the height that a bar with its round ends covers. */
const BAR_RADIUS = 5;
const ABOVE = -9;
const BELOW = 18;
const LINE = 16;

/**
 * Place each label above its bar, else below it, else further away; inside of the frame.
 *
 * The place above a bar is not for other labels, which would seem to name it.
 */
export function placeLabels(bars: readonly LabelledBar[], frame: Box): Place[] {
  const ofBars: Box[] = bars.map(({ left, right, y }) => ({
    left,
    right,
    top: y + ABOVE - ASCENT,
    bottom: y + BAR_RADIUS,
  }));
  const ofLabels: Box[] = [];
  return bars.map(({ label, left, y }, index) => {
    const taken = [...ofBars.toSpliced(index, 1), ...ofLabels];
    const width = CHARACTER_WIDTH * label.length;
    const x = Math.max(Math.min(left, frame.right - width), frame.left);
    const makeBox = (baseline: number): Box => ({
      left: x,
      right: x + width,
      top: baseline - ASCENT,
      bottom: baseline + DESCENT,
    });
    const isFree = (baseline: number) => {
      const box = makeBox(baseline);
      const isInside = box.top >= frame.top && box.bottom <= frame.bottom;
      return isInside && !taken.some((other) => overlap(box, other));
    };
    const baseline = listBaselines(y, frame).find(isFree) ?? y + ABOVE;
    ofLabels.push(makeBox(baseline));
    return { x, y: baseline };
  });
}

/** The baselines to try, from the nearest. */
function listBaselines(y: number, { top, bottom }: Box): number[] {
  const count = Math.ceil((bottom - top) / LINE);
  return Array.from({ length: count }, (_, index) => index * LINE).flatMap((distance) => [
    y + ABOVE - distance,
    y + BELOW + distance,
  ]);
}

function overlap(one: Box, other: Box): boolean {
  const isBeside = one.right <= other.left || other.right <= one.left;
  return !isBeside && one.top < other.bottom && other.top < one.bottom;
}
