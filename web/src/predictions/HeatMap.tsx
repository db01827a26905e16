import { useState } from "react";
import { Slider } from "@/ui/Field";
import { type HeatMapImage, HeatMapOverlay } from "@/ui/HeatMapOverlay";
import styles from "./HeatMap.module.css";

/** The part of the image that the model sees, with the heat map of its label over it. */
export function HeatMap({ src, alt, map }: { src: string; alt: string; map: HeatMapImage | null }) {
  const [opacity, setOpacity] = useState(0);
  return (
    <figure className={styles.figure}>
      <HeatMapOverlay src={src} alt={alt} map={map} opacity={opacity} />
      {map && (
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
