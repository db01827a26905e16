import { X } from "lucide-react";
import { asServiceError } from "@/api/problem";
import { decimal, duration, percent } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import type { HeatMapImage } from "@/ui/HeatMapOverlay";
import { Ranking } from "@/ui/Ranking";
import { Skeleton } from "@/ui/States";
import { HeatMap } from "./HeatMap";
import styles from "./ImageResult.module.css";
import type { TryImage } from "./images";
import { type Answer, usePrediction } from "./queries";

/** An image with the answers of one or two models. */
export function ImageResult({
  image,
  models,
  coverage,
  onRemove,
}: {
  image: TryImage;
  models: readonly (string | null)[];
  coverage: number;
  onRemove: () => void;
}) {
  return (
    <Card
      title={<span className={styles.name}>{image.name}</span>}
      aside={
        <Button
          look="quiet"
          icon={<X aria-hidden />}
          aria-label={`Remove ${image.name}`}
          onClick={onRemove}
        />
      }
    >
      <div className={styles.answers}>
        {models.map((model, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the first and the second model are places
          <ModelAnswer key={index} image={image} model={model} coverage={coverage} />
        ))}
      </div>
    </Card>
  );
}

function ModelAnswer({
  image,
  model,
  coverage,
}: {
  image: TryImage;
  model: string | null;
  coverage: number;
}) {
  const { data, error, isError } = usePrediction(image, model, coverage);
  return (
    <div className={styles.answer}>
      <HeatMap src={image.url} alt={image.name} map={heatMapOf(data?.explanation)} />
      {isError ? (
        <Callout tone="bad">{asServiceError(error).message}</Callout>
      ) : data ? (
        <AnswerText answer={data} />
      ) : (
        <Skeleton lines={4} label="Classifying the image" />
      )}
    </div>
  );
}

function heatMapOf(explanation: Answer["explanation"] | undefined): HeatMapImage | null {
  if (!explanation) return null;
  return { url: `data:image/png;base64,${explanation.heatmap_png}`, crop: explanation.crop };
}

function AnswerText({ answer }: { answer: Answer }) {
  const { model, predictions, prediction_set, novelty, inference_ms } = answer;
  const best = predictions[0];
  return (
    <div className={styles.text}>
      {best && (
        <p className={styles.best}>
          {best.label} <span className="muted">{percent(best.probability)}</span>
        </p>
      )}
      <Ranking predictions={predictions} />
      {prediction_set && (
        <div className={styles.set}>
          <span className="muted small">At {percent(prediction_set.coverage, 0)} coverage:</span>
          {prediction_set.labels.slice(0, 8).map((label) => (
            <Chip key={label} tone={prediction_set.abstained ? "warn" : "accent"}>
              {label}
            </Chip>
          ))}
          {prediction_set.labels.length > 8 && (
            <span className="muted small">and {prediction_set.labels.length - 8} more</span>
          )}
        </div>
      )}
      {novelty?.is_novel && (
        <Callout tone="warn" title="Unlike anything in training.">
          Its features are {decimal(novelty.score, 2)} away from the nearest training images; 95 %
          of images like those lie within {decimal(novelty.limit, 2)}. Do not trust the label.
        </Callout>
      )}
      <p className="muted small">
        {model.name}:{model.version} · {duration(inference_ms / 1000)}
      </p>
    </div>
  );
}
