import { Camera as CameraIcon, ImagePlus } from "lucide-react";
import { Suspense, useEffect, useRef, useState } from "react";
import { Button } from "@/ui/Button";
import { lazy } from "@/ui/lazy";
import styles from "./Intake.module.css";
import { imagesOf, makeImage, type TryImage } from "./images";

const Camera = lazy(() => import("./Camera"));

/** Where images come in: by drop, paste, file dialog or camera. */
export function Intake({
  isSmall,
  denied,
  onImages,
}: {
  isSmall: boolean;
  /** Why the person may not classify images. */
  denied: string | undefined;
  onImages: (images: TryImage[]) => void;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const [hasCamera, setCamera] = useState(false);
  const latest = useRef(onImages);
  latest.current = onImages;

  useEffect(() => {
    function take(files: FileList | undefined): void {
      const images = imagesOf(files ?? []);
      if (images.length > 0) latest.current(images);
    }
    const onPaste = (event: ClipboardEvent) => take(event.clipboardData?.files);
    const onOver = (event: DragEvent) => {
      event.preventDefault();
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const onDrop = (event: DragEvent) => {
      event.preventDefault();
      setOver(false);
      take(event.dataTransfer?.files);
    };
    document.addEventListener("paste", onPaste);
    document.addEventListener("dragover", onOver);
    document.addEventListener("dragleave", onLeave);
    document.addEventListener("drop", onDrop);
    return () => {
      document.removeEventListener("paste", onPaste);
      document.removeEventListener("dragover", onOver);
      document.removeEventListener("dragleave", onLeave);
      document.removeEventListener("drop", onDrop);
    };
  }, []);

  function openCamera(): void {
    setCamera(true);
  }

  return (
    <div className={`${styles.zone} ${isSmall ? styles.small : ""} ${isOver ? styles.over : ""}`}>
      {!isSmall && (
        <div>
          <h2>{denied ? "You may not classify images" : "Try the model on your own image"}</h2>
          <p className="muted small">
            {denied ?? "Drop images anywhere, paste one, choose files, or use the camera."}
          </p>
        </div>
      )}
      <div className={styles.buttons}>
        <Button
          look="primary"
          icon={<ImagePlus aria-hidden />}
          denied={denied}
          onClick={() => input.current?.click()}
        >
          Choose images
        </Button>
        <Button icon={<CameraIcon aria-hidden />} denied={denied} onClick={openCamera}>
          Camera
        </Button>
      </div>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        aria-label="Images to classify"
        onChange={(event) => {
          onImages(imagesOf(event.target.files ?? []));
          event.target.value = "";
        }}
      />
      <Suspense>
        {hasCamera && (
          <Camera
            onClose={() => setCamera(false)}
            onImage={(blob) => onImages([makeImage(blob, "camera")])}
          />
        )}
      </Suspense>
    </div>
  );
}
