import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { api, bodyOf } from "@/api/client";
import { Dialog } from "@/ui/Dialog";
import { Loaded } from "@/ui/States";
import styles from "./Search.module.css";

interface Hit {
  kind: string;
  label: string;
  detail: string;
  path: string;
}

const NUM_HITS = 6;

/** Find datasets, jobs, models and studies by a part of their name. */
export default function Search({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [, navigate] = useLocation();
  const query = useQuery({
    queryKey: ["search", text],
    queryFn: () => find(text),
    placeholderData: (previous) => previous,
  });

  function open(hit: Hit | undefined): void {
    if (!hit) return;
    navigate(hit.path);
    onClose();
  }

  return (
    <Dialog title="Search" onClose={onClose}>
      <input
        autoFocus
        type="search"
        className={styles.input}
        aria-label="Name of a dataset, job, model or study"
        placeholder="Name of a dataset, job, model or study"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") open(query.data?.[0]);
        }}
      />
      <Loaded query={query}>
        {(hits) =>
          hits.length === 0 ? (
            <p className="muted">Nothing has “{text}” in its name.</p>
          ) : (
            <ul className={styles.hits}>
              {hits.map((hit) => (
                <li key={hit.path}>
                  <button type="button" onClick={() => open(hit)}>
                    <span className={styles.kind}>{hit.kind}</span>
                    <span className={styles.label}>{hit.label}</span>
                    <span className={styles.detail}>{hit.detail}</span>
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Dialog>
  );
}

async function find(text: string): Promise<Hit[]> {
  const query = { limit: NUM_HITS, ...(text ? { q: text } : {}) };
  const [datasets, jobs, models, studies] = await Promise.all([
    bodyOf(api.GET("/datasets", { params: { query } })),
    bodyOf(api.GET("/jobs", { params: { query } })),
    bodyOf(api.GET("/models", { params: { query } })),
    bodyOf(api.GET("/studies", { params: { query } })),
  ]);
  return [
    ...datasets.data.map(({ id, name, status }) => ({
      kind: "Dataset",
      label: name,
      detail: status,
      path: `/datasets/${id}`,
    })),
    ...models.data.map(({ name, newest_version }) => ({
      kind: "Model",
      label: name,
      detail: newest_version == null ? "no version" : `version ${newest_version}`,
      path: `/models/${name}`,
    })),
    ...jobs.data.map(({ id, status, config }) => ({
      kind: "Job",
      label: config.model_name,
      detail: `${config.architecture}, ${status}`,
      path: `/jobs/${id}`,
    })),
    ...studies.data.map(({ id, name, status }) => ({
      kind: "Study",
      label: name,
      detail: status,
      path: `/studies/${id}`,
    })),
  ];
}
