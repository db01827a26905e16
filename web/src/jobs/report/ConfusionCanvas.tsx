import { useEffect, useMemo, useRef, useState } from "react";
import { plural } from "@/format";
import { resolveColor, watchTheme } from "@/ui/color";
import styles from "./ConfusionCanvas.module.css";
import { type Block, type Cell, shrink } from "./confusion";

/** Blocks a side: each is at least two pixels on a desktop. */
const MAX_SIDE = 300;
const PIXELS = 2;

/** The confusion matrix of many classes as a picture; the list beside it says the same in words. */
export function ConfusionCanvas({
  names,
  matrix,
  cell,
  onCell,
}: {
  names: readonly string[];
  matrix: readonly (readonly number[])[];
  cell: Cell | null;
  onCell: (cell: Cell) => void;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { side, blocks } = useMemo(() => shrink(matrix, MAX_SIDE), [matrix]);
  const [hovered, setHovered] = useState<Block | null>(null);

  useEffect(() => {
    const draw = () => canvas.current && paint(canvas.current, side, blocks);
    draw();
    return watchTheme(draw);
  }, [side, blocks]);

  function find(event: React.MouseEvent): Block | null {
    const box = event.currentTarget.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * side);
    const y = Math.floor(((event.clientY - box.top) / box.height) * side);
    return blocks[y * side + x] ?? null;
  }

  const shown = hovered && {
    label: names[hovered.at] ?? "",
    predicted: names[hovered.to] ?? "",
    numImages: matrix[hovered.at]?.[hovered.to] ?? 0,
  };
  const chosen = cell && {
    at: names.indexOf(cell.label) / names.length,
    to: names.indexOf(cell.predicted) / names.length,
  };
  return (
    <div className={styles.frame}>
      <div className={styles.picture}>
        <canvas
          ref={canvas}
          width={side * PIXELS}
          height={side * PIXELS}
          role="img"
          aria-label={`Confusion matrix of ${names.length} classes; the most confused pairs are listed below.`}
          onMouseMove={(event) => setHovered(find(event))}
          onMouseLeave={() => setHovered(null)}
          onClick={(event) => {
            const block = find(event);
            if (block) {
              onCell({ label: names[block.at] ?? "", predicted: names[block.to] ?? "" });
            }
          }}
        />
        {chosen && chosen.at >= 0 && chosen.to >= 0 && (
          <span
            className={styles.mark}
            style={{ top: `${chosen.at * 100}%`, left: `${chosen.to * 100}%` }}
          />
        )}
      </div>
      <p className={styles.note}>
        {shown
          ? `${shown.label} → ${shown.predicted}: ${plural(shown.numImages, "image")}`
          : "Point at a place to read it; click it to see its images."}
      </p>
    </div>
  );
}

function paint(canvas: HTMLCanvasElement, side: number, blocks: readonly (Block | null)[]): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const right = resolveColor("--accent");
  const wrong = resolveColor("--bad");
  context.clearRect(0, 0, canvas.width, canvas.height);
  blocks.forEach((block, index) => {
    if (!block) return;
    context.globalAlpha = block.isMistake ? 0.45 + 0.55 * block.share : 0.3 + 0.6 * block.share;
    context.fillStyle = block.isMistake ? wrong : right;
    context.fillRect((index % side) * PIXELS, Math.floor(index / side) * PIXELS, PIXELS, PIXELS);
  });
  context.globalAlpha = 1;
}
