import { ArrowRight } from "lucide-react";
import { Link } from "wouter";
import type { Schemas } from "@/api/client";
import { compact, count, plural } from "@/format";
import styles from "./Loop.module.css";

type Overview = Schemas["Overview"];

interface Stop {
  label: string;
  href: string;
  value: string;
  note: string;
}

/** The loop from data over training and models to trying, with counts. */
export function Loop({ overview }: { overview: Overview }) {
  return (
    <ol className={styles.loop}>
      {listStops(overview).map(({ label, href, value, note }) => (
        <li key={label}>
          <Link href={href} className={styles.stop}>
            <span className={styles.label}>
              {label}
              <ArrowRight aria-hidden />
            </span>
            <span className={styles.value} title={value}>
              {value}
            </span>
            <span className={styles.note} title={note}>
              {note}
            </span>
          </Link>
        </li>
      ))}
    </ol>
  );
}

function listStops({ datasets, jobs, models, serving, studies }: Overview): Stop[] {
  const waiting = [
    ...(jobs.queued > 0 ? [`${count(jobs.queued)} queued`] : []),
    ...(studies.running > 0 ? [plural(studies.running, "study", "studies")] : []),
  ];
  return [
    {
      label: "Data",
      href: "/datasets",
      value: datasets.num_images >= 1e6 ? compact(datasets.num_images) : count(datasets.num_images),
      note: `images in ${plural(datasets.total, "dataset")}`,
    },
    {
      label: "Train",
      href: "/jobs",
      value: jobs.running > 0 ? `${count(jobs.running)} running` : plural(jobs.total, "job"),
      note: waiting.join(", ") || `${count(jobs.succeeded)} succeeded`,
    },
    {
      label: "Models",
      href: "/models",
      value: count(models.total),
      note: plural(models.versions, "version"),
    },
    {
      label: "Try",
      href: "/try",
      value: serving ? `${serving.resolved.name}:${serving.resolved.version}` : "No model yet",
      note: serving ? "answers predictions" : "train one, then try an image",
    },
  ];
}
