import { X } from "lucide-react";
import { bytes, duration } from "@/format";
import { Button } from "@/ui/Button";
import { Message } from "@/ui/Message";
import { Progress } from "@/ui/Progress";
import { IngestionReport } from "../IngestionReport";
import { cancelUpload, forgetUpload, retryUpload, type Upload } from "./store";
import styles from "./UploadCard.module.css";

/** An upload: packing, sending, then the report of its ingestion. */
export function UploadCard({ upload }: { upload: Upload }) {
  const { id, name, stage, datasetId, error } = upload;
  const isActive = stage === "packing" || stage === "sending";
  return (
    <section className={styles.card} aria-label={`Upload of ${name}`}>
      <header className={styles.header}>
        <strong className={styles.name}>{name}</strong>
        <span className={styles.state}>{isActive && transferText(upload)}</span>
        {isActive ? (
          <Button onClick={() => cancelUpload(id)}>Cancel</Button>
        ) : (
          <Button
            look="quiet"
            icon={<X aria-hidden />}
            aria-label={`Take the upload of ${name} off this list`}
            onClick={() => forgetUpload(id)}
          />
        )}
      </header>
      {isActive && <Progress value={upload.done / upload.total} label={`Upload of ${name}`} />}
      {error && (
        <div className={styles.error} role="alert">
          <p>
            <Message text={error.message} />
            {error.fields.map((field) => ` ${field.loc.at(-1)}: ${field.message}.`).join("")}
          </p>
          <Button onClick={() => retryUpload(id)}>Try again</Button>
        </div>
      )}
      {datasetId && <IngestionReport id={datasetId} />}
    </section>
  );
}

function transferText({ stage, done, total, speed, secondsLeft }: Upload): string {
  const amount = `${bytes(done)} of ${bytes(total)}`;
  if (stage === "packing") return `Packing · ${amount}`;
  if (done === total) return `Uploaded ${bytes(total)} · waiting for the answer`;
  if (speed === null) return `Uploading · ${amount}`;
  return `Uploading · ${amount} · ${bytes(speed)}/s · ${duration(secondsLeft)} left`;
}
