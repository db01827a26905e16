import type { ReactNode } from "react";
import { Link } from "wouter";
import { bytes, percent } from "@/format";
import { Chip } from "@/ui/Chip";
import { classPath, findingsPath } from "../links";
import type { Dataset, Image } from "../queries";
import { FINDING_WORDS } from "./findings";
import styles from "./ImageFacts.module.css";

/** The facts about an image: label, split, path, size, digest and findings. */
export function ImageFacts({ dataset, image }: { dataset: Dataset; image: Image }) {
  const suspicion = dataset.report.suspect_labels.find(({ image_id }) => image_id === image.id);
  const facts: [string, ReactNode][] = [
    [
      "Label",
      <Link key="label" className="link" href={classPath(dataset.id, image.class_name)}>
        {image.class_name}
      </Link>,
    ],
    ["Split", image.split],
    ["Size", `${image.width} × ${image.height} pixels, ${bytes(image.num_bytes)}`],
    ["Path", image.path],
    ["Image id", image.id],
    ["sha256", <code key="digest">{image.sha256}</code>],
  ];
  return (
    <div className={styles.side}>
      <dl className={styles.facts}>
        {facts.map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {image.findings.length === 0 ? (
        <p className="small muted">Nothing was found to be wrong with it.</p>
      ) : (
        <ul className={styles.findings}>
          {image.findings.map((finding) => {
            const { flag, sentence, tone, kind } = FINDING_WORDS[finding];
            return (
              <li key={finding}>
                <Chip tone={tone}>{flag}</Chip>
                <p>
                  {sentence}
                  {finding === "suspect_label" && suspicion && (
                    <>
                      {" "}
                      It says <strong>{suspicion.suggested_label}</strong> (
                      {percent(suspicion.probability, 0)}).
                    </>
                  )}{" "}
                  <Link className="link" href={findingsPath(dataset.id, kind)}>
                    See all
                  </Link>
                </p>
              </li>
            );
          })}
        </ul>
      )}
    </div>
  );
}
