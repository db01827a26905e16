import styles from "./HeatMapOverlay.module.css";

/** A heat map, and the side of the square in the middle of the image that it covers. */
export type HeatMapImage = {
  url: string;
  /** As a share of the image's shorter side; above 1 the square has black borders. */
  crop: number;
};

/** The square part of an image that the model sees, with a heat map over it. */
export function HeatMapOverlay({
  src,
  alt,
  map,
  mapAlt = "",
  opacity,
}: {
  src: string;
  alt: string;
  /** Null shows the square whose side is the image's shorter one. */
  map: HeatMapImage | null;
  mapAlt?: string;
  opacity: number;
}) {
  return (
    <div className={styles.view}>
      <img
        src={src}
        alt={alt}
        className={styles.image}
        style={map ? { transform: `scale(${1 / map.crop})` } : undefined}
      />
      {map && <img src={map.url} alt={mapAlt} className={styles.map} style={{ opacity }} />}
    </div>
  );
}
