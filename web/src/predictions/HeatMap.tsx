import { useState } from "react";
import { Slider } from "@/ui/Field";
import styles from "./HeatMap.module.css";

/** The part of the image that the model sees, with the heat map of its label over it. */
export function HeatMap({
  src,
  alt,
  heatMap,
}: {
  src: string;
  alt: string;
  heatMap: string | null;
}) {
  const [opacity, setOpacity] = useState(0);
  return (
    <figure className={styles.figure}>
      <div className={styles.view}>
        <img src={src} alt={alt} className={styles.image} />
        {heatMap && (
          <img
            src={`data:image/png;base64,${heatMap}`}
            alt=""
            className={styles.map}
            style={{ opacity }}
          />
        )}
      </div>
      {heatMap && (
        <figcaption>
          <Slider
            label="Heat map"
            value={opacity}
            min={0}
            max={1}
            step={0.05}
            format={(value) => `${Math.round(value * 100)} %`}
            onChange={setOpacity}
          />
        </figcaption>
      )}
    </figure>
  );
}
