import { type FormEvent, useMemo, useState } from "react";
import { bytes, plural } from "@/format";
import { Button } from "@/ui/Button";
import { Callout, Card } from "@/ui/Card";
import { Chip } from "@/ui/Chip";
import { TextField } from "@/ui/Field";
import { describeContents } from "./contents";
import { nameProblem, toName } from "./naming";
import { type Source, sizeOf } from "./source";
import type { UploadOptions } from "./store";
import styles from "./UploadForm.module.css";

const MAX_CLASSES = 12;

/** Shows what was chosen, and asks for its name and validation share before it is uploaded. */
export function UploadForm({
  source,
  onUpload,
  onCancel,
}: {
  source: Source;
  onUpload: (options: UploadOptions) => void;
  onCancel: () => void;
}) {
  const [name, setName] = useState(() => toName(source.name));
  const [share, setShare] = useState("20");
  const contents = useMemo(
    () => (source.kind === "folder" ? describeContents(source.files) : null),
    [source],
  );
  const hasSplits = contents !== null && contents.splits.length > 0;
  const badName = nameProblem(name);
  const badShare = hasSplits ? undefined : shareProblem(share);

  function submit(event: FormEvent): void {
    event.preventDefault();
    if (badName || badShare) return;
    onUpload({ name, valFraction: hasSplits ? null : Number(share) / 100 });
  }

  return (
    <Card title={`Upload ${source.name}`} aside={bytes(sizeOf(source))}>
      <form className={styles.form} onSubmit={submit}>
        {contents && (
          <div className={styles.contents}>
            <p className="small muted">
              {plural(contents.numImages, "image")} in{" "}
              {plural(contents.classes.length, "class", "classes")}
              {hasSplits && `, split into ${contents.splits.join(", ")}`}
              {contents.numOthers > 0 && `; ${plural(contents.numOthers, "other file")}`}
            </p>
            <div className={styles.classes}>
              {contents.classes.slice(0, MAX_CLASSES).map((one) => (
                <Chip key={one.name}>
                  <span className={styles.class}>{one.name}</span> {one.numImages}
                </Chip>
              ))}
              {contents.classes.length > MAX_CLASSES && (
                <span className="small muted">
                  and {contents.classes.length - MAX_CLASSES} more
                </span>
              )}
            </div>
          </div>
        )}
        {contents?.problem && (
          <Callout tone="warn" title={contents.problem}>
            A dataset needs a folder of images for each class, for example <code>ants/1.jpg</code>{" "}
            and <code>bees/2.jpg</code>. The service will check it and say more.
          </Callout>
        )}
        <div className={styles.fields}>
          <TextField
            label="Name"
            required
            autoFocus
            spellCheck={false}
            autoCapitalize="none"
            value={name}
            error={badName}
            hint="Models that are trained on it get this name, too."
            onChange={(event) => setName(event.target.value)}
          />
          {!hasSplits && (
            <TextField
              label="Validation share, %"
              type="number"
              min={1}
              max={90}
              value={share}
              error={badShare}
              hint="Kept out of training, unless the folders have a val split."
              onChange={(event) => setShare(event.target.value)}
            />
          )}
        </div>
        <div className={styles.actions}>
          <Button type="submit" look="primary" disabled={Boolean(badName || badShare)}>
            Upload
          </Button>
          <Button look="quiet" onClick={onCancel}>
            Do not upload
          </Button>
        </div>
      </form>
    </Card>
  );
}

function shareProblem(text: string): string | undefined {
  const share = Number(text);
  return share >= 1 && share <= 90 ? undefined : "The share must be from 1 to 90 %.";
}
