import { useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useDenial } from "@/access/permissions";
import { asServiceError, readError } from "@/api/problem";
import { Button } from "@/ui/Button";
import { Callout } from "@/ui/Card";
import { SelectField, Slider } from "@/ui/Field";
import { type HeatMapImage, HeatMapOverlay } from "@/ui/HeatMapOverlay";
import styles from "./HeatMapView.module.css";

/** An image, over which the heat map of a class can be laid. */
export function HeatMapView({
  src,
  alt,
  classes,
  mapUrl,
}: {
  src: string;
  alt: string;
  classes: readonly string[];
  /** The address of the heat map of a class; null where no model can draw one. */
  mapUrl: ((label: string) => string) | null;
}) {
  const denied = useDenial("predict");
  const [isWanted, setWanted] = useState(false);
  const [label, setLabel] = useState(classes[0] ?? "");
  const [opacity, setOpacity] = useState(0.7);
  const map = useHeatMap(isWanted && mapUrl ? mapUrl(label) : null);
  return (
    <div className={styles.frame}>
      {map.image ? (
        <div className={styles.square}>
          <HeatMapOverlay
            src={src}
            alt={alt}
            map={map.image}
            mapAlt={`Heat map of the parts that support ${label}`}
            opacity={opacity}
          />
        </div>
      ) : (
        <img src={src} alt={alt} className={styles.whole} />
      )}
      {mapUrl && !isWanted && (
        <div>
          <Button denied={denied} onClick={() => setWanted(true)}>
            Show the heat map
          </Button>
        </div>
      )}
      {isWanted && (
        <div className={styles.controls}>
          {classes.length > 1 && (
            <SelectField
              label="Heat map of the class"
              value={label}
              onChange={(event) => setLabel(event.target.value)}
            >
              {classes.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </SelectField>
          )}
          {map.error ? (
            <Callout tone="bad" title="There is no heat map.">
              {asServiceError(map.error).message}
            </Callout>
          ) : map.image ? (
            <Slider
              label="Opacity"
              value={opacity}
              min={0}
              max={1}
              step={0.05}
              format={(value) => `${Math.round(value * 100)} %`}
              onChange={setOpacity}
            />
          ) : (
            <p className="muted small" role="status">
              Drawing the heat map… The first one takes longer.
            </p>
          )}
        </div>
      )}
    </div>
  );
}

/** Fetch a heat map, so that a failure can be explained; its URL is that of its bytes. */
function useHeatMap(address: string | null): { image: HeatMapImage | null; error: Error | null } {
  const query = useQuery({
    queryKey: ["heat-map", address],
    queryFn: async () => {
      const response = await fetch(address ?? "");
      if (!response.ok) throw await readError(response);
      const crop = Number(response.headers.get("X-Heat-Map-Crop"));
      return { blob: await response.blob(), crop };
    },
    enabled: address !== null,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });
  const image = useMemo(
    () =>
      query.data ? { url: URL.createObjectURL(query.data.blob), crop: query.data.crop } : null,
    [query.data],
  );
  useEffect(() => () => void (image && URL.revokeObjectURL(image.url)), [image]);
  return { image: address === null ? null : image, error: query.error };
}
