import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { useDenial } from "@/access/permissions";
import { percent } from "@/format";
import { useOverview } from "@/home/queries";
import { Button, LinkButton } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { Card } from "@/ui/Card";
import { Slider } from "@/ui/Field";
import { Page } from "@/ui/Page";
import { Empty } from "@/ui/States";
import { showToast } from "@/ui/toasts";
import { ImageResult } from "./ImageResult";
import { Intake } from "./Intake";
import { release, type TryImage } from "./images";
import { ModelChoice } from "./ModelChoice";
import { SampleImages } from "./SampleImages";
import styles from "./TryPage.module.css";

const DEFAULT_COVERAGE = 0.95;

/** Classify one's own images with a model, or with two to compare. */
export default function TryPage() {
  const [params, setParams] = useSearchParams();
  const [images, setImages] = useState<readonly TryImage[]>([]);
  const serving = useOverview().data?.serving;
  const model = params.get("model");
  const other = params.get("with");
  const coverage = Number(params.get("coverage")) || DEFAULT_COVERAGE;
  useRelease(images);

  function set(name: string, value: string | null): void {
    setParams(
      (old) => {
        if (value) old.set(name, value);
        else old.delete(name);
        return old;
      },
      { replace: true },
    );
  }

  const denied = useDenial("predict");

  function add(more: readonly TryImage[]): void {
    if (denied) {
      more.forEach(release);
      showToast(denied);
    } else setImages((old) => [...more, ...old]);
  }

  if (serving === null && !model) return <NoModel />;
  return (
    <Page
      title="Try a model"
      documentTitle="Try"
      subtitle="Images stay in this browser; each is sent to the service only to be classified."
      actions={<Call call={makeCall(model)} />}
    >
      <Intake isSmall={images.length > 0} denied={denied} onImages={add} />
      <Card>
        <div className={styles.options}>
          <ModelChoice
            label="Model"
            none="Serving model"
            value={model}
            onChange={(one) => set("model", one)}
          />
          <ModelChoice
            label="Compare with"
            none="No other model"
            value={other}
            onChange={(one) => set("with", one)}
          />
          <Slider
            label="Coverage"
            value={coverage}
            min={0.5}
            max={0.99}
            step={0.01}
            format={(value) => percent(value, 0)}
            onChange={(value) => set("coverage", String(value))}
          />
        </div>
      </Card>
      {images.map((image) => (
        <ImageResult
          key={image.id}
          image={image}
          models={other ? [model, other] : [model]}
          coverage={coverage}
          onRemove={() => {
            release(image);
            setImages((old) => old.filter((one) => one !== image));
          }}
        />
      ))}
      {images.length > 1 && (
        <div>
          <Button
            look="quiet"
            onClick={() => {
              images.forEach(release);
              setImages([]);
            }}
          >
            Remove all images
          </Button>
        </div>
      )}
      <SampleImages model={model} onImages={add} />
    </Page>
  );
}

/** Release the images when the page is left. */
function useRelease(images: readonly TryImage[]): void {
  const latest = useRef(images);
  latest.current = images;
  useEffect(() => () => latest.current.forEach(release), []);
}

function NoModel() {
  const denied = useDenial("jobs:write");
  return (
    <Page title="Try a model" documentTitle="Try">
      <Card>
        <Empty
          title="There is no model yet"
          action={
            <LinkButton look="primary" href="/jobs/new" denied={denied}>
              Train a model
            </LinkButton>
          }
        >
          Every training job that succeeds registers a model. The first one answers here at once.
        </Empty>
      </Card>
    </Page>
  );
}

function makeCall(model: string | null) {
  const query = model ? `?model=${model}` : "";
  const argument = model ? `, model="${model}"` : "";
  return {
    curl: `curl -F image=@photo.jpg "$GRAFT_URL/predict${query}"`,
    python: `from graft_client import Graft\n\nGraft().predict("photo.jpg"${argument})`,
    cli: `graft predict photo.jpg${model ? ` --model ${model}` : ""}`,
  };
}
