import type { ReactNode } from "react";
import styles from "./Tile.module.css";

/** The URL of an image's thumbnail, no larger than `size` pixels. */
export function thumbnailUrl(
  datasetId: string,
  imageId: number,
  size: 128 | 256 | 512 | 1024,
): string {
  return `/datasets/${datasetId}/images/${imageId}?size=${size}`;
}

/** An image in a grid, with its caption and a flag. */
export function Tile({
  src,
  alt,
  caption,
  aside,
  flag,
  onOpen,
}: {
  src: string;
  alt: string;
  caption?: ReactNode;
  aside?: ReactNode;
  flag?: ReactNode;
  onOpen?: () => void;
}) {
  const content = (
    <>
      <img src={src} alt={alt} loading="lazy" decoding="async" />
      {flag != null && <span className={styles.flag}>{flag}</span>}
      {caption != null && (
        <span className={styles.caption}>
          <span>{caption}</span>
          {aside != null && <span className={styles.aside}>{aside}</span>}
        </span>
      )}
    </>
  );
  if (!onOpen) return <figure className={styles.tile}>{content}</figure>;
  return (
    <button type="button" className={styles.tile} onClick={onOpen}>
      {content}
    </button>
  );
}

/** Tiles in as many columns as fit. */
export function TileGrid({ children }: { children: ReactNode }) {
  return <div className={styles.grid}>{children}</div>;
}
