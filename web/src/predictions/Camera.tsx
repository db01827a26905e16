import { useEffect, useRef, useState } from "react";
import { Button } from "@/ui/Button";
import { Callout } from "@/ui/Card";
import { Dialog } from "@/ui/Dialog";
import styles from "./Camera.module.css";

const QUALITY = 0.92;

/** A dialog with the camera's live image; each shot is passed on as a JPEG. */
export default function Camera({
  onImage,
  onClose,
}: {
  onImage: (image: Blob) => void;
  onClose: () => void;
}) {
  const video = useRef<HTMLVideoElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState<string>();

  useEffect(() => {
    let stream: MediaStream | undefined;
    let isClosed = false;
    async function start(): Promise<void> {
      try {
        stream = await openCamera();
      } catch (error) {
        setProblem(explain(error));
        return;
      }
      if (isClosed) stop(stream);
      else if (video.current) video.current.srcObject = stream;
    }
    void start();
    return () => {
      isClosed = true;
      stop(stream);
    };
  }, []);

  function shoot(): void {
    const source = video.current;
    if (!source?.videoWidth) return;
    const canvas = document.createElement("canvas");
    canvas.width = source.videoWidth;
    canvas.height = source.videoHeight;
    canvas.getContext("2d")?.drawImage(source, 0, 0);
    canvas.toBlob(
      (blob) => {
        if (blob) onImage(blob);
        onClose();
      },
      "image/jpeg",
      QUALITY,
    );
  }

  return (
    <Dialog
      title="Camera"
      onClose={onClose}
      actions={
        problem ? (
          <Button look="primary" onClick={() => input.current?.click()}>
            Take a photo with the device
          </Button>
        ) : (
          <Button look="primary" onClick={shoot}>
            Take the image
          </Button>
        )
      }
    >
      {problem ? (
        <Callout tone="warn">{problem}</Callout>
      ) : (
        <video ref={video} className={styles.video} autoPlay playsInline muted />
      )}
      <input
        ref={input}
        type="file"
        accept="image/*"
        capture="environment"
        hidden
        aria-label="A photo from the device"
        onChange={({ target }) => {
          const file = target.files?.[0];
          if (file) onImage(file);
          onClose();
        }}
      />
    </Dialog>
  );
}

function openCamera(): Promise<MediaStream> {
  if (!("mediaDevices" in navigator)) {
    throw new DOMException("no secure context", "SecurityError");
  }
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
}

function stop(stream: MediaStream | undefined): void {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function explain(error: unknown): string {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "The browser does not allow this page to use the camera.";
  if (name === "NotFoundError") return "This device has no camera.";
  return "A live camera needs HTTPS or this machine itself. Your device can take the photo instead.";
}
