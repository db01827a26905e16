import { Ellipsis } from "lucide-react";
import { Suspense } from "react";
import { useDenial } from "@/access/permissions";
import { Button } from "@/ui/Button";
import { Call } from "@/ui/Call";
import { lazy } from "@/ui/lazy";
import { Menu, type MenuEntry } from "@/ui/Menu";
import { callOfJob } from "../calls";
import type { Job } from "../queries";
import { useActions } from "./actions";

const ConfirmDialog = lazy(() =>
  import("@/ui/ConfirmDialog").then((module) => ({ default: module.ConfirmDialog })),
);

/** What can be done with a job: the likely actions as buttons, the others in a menu. */
export function JobActions({ job }: { job: Job }) {
  const { run, perform, busy, confirming, confirm, clone, ...can } = useActions(job);
  const denied = useDenial("jobs:write");
  const entries: MenuEntry[] = [
    { id: "clone", label: "Clone and change", denied, onAction: clone },
    {
      id: "csv",
      label: "Download the metrics as CSV",
      onAction: () => location.assign(`/jobs/${job.id}/history?format=csv`),
    },
    ...(job.is_terminal
      ? [
          {
            id: "delete",
            label: "Delete…",
            isDanger: true,
            denied,
            onAction: () => confirm("delete"),
          },
        ]
      : []),
  ];
  return (
    <>
      <Call call={callOfJob(job.id)} />
      {can.canStop && (
        <Button isBusy={busy === "stop"} denied={denied} onClick={() => run("stop")}>
          Stop and keep the best
        </Button>
      )}
      {can.canCancel && (
        <Button look="danger" denied={denied} onClick={() => confirm("cancel")}>
          Cancel
        </Button>
      )}
      {can.canResume && (
        <Button
          look="primary"
          isBusy={busy === "resume"}
          denied={denied}
          onClick={() => run("resume")}
        >
          Resume
        </Button>
      )}
      <Menu label="More actions" trigger={<Ellipsis aria-hidden />} entries={entries} />
      <Suspense>
        {confirming === "cancel" && (
          <ConfirmDialog
            title={`Cancel ${job.config.model_name}?`}
            action="Cancel the job"
            onConfirm={() => perform("cancel")}
            onClose={() => confirm(null)}
          >
            {job.status === "queued"
              ? "It has not started, so nothing is lost. “Resume” queues it again."
              : "No model is registered, and the epoch that is running is lost. Finished epochs are kept: “Resume” goes on after them."}
          </ConfirmDialog>
        )}
        {confirming === "delete" && (
          <ConfirmDialog
            title={`Delete ${job.config.model_name}?`}
            action="Delete the job"
            onConfirm={() => perform("delete")}
            onClose={() => confirm(null)}
          >
            Its metrics, report and events are lost.
            {job.model && ` The model ${job.model.name}:${job.model.version} stays.`}
          </ConfirmDialog>
        )}
      </Suspense>
    </>
  );
}
