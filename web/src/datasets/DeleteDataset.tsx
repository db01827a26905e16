import { useQueryClient } from "@tanstack/react-query";
import { useLocation } from "wouter";
import { plural } from "@/format";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { showToast } from "@/ui/toasts";
import { type Dataset, deleteDataset } from "./queries";
import { numImages } from "./summary";
import { forgetDataset } from "./uploads/store";

/** Asks before a dataset is deleted, and says what goes with it. */
export default function DeleteDataset({
  dataset,
  onClose,
}: {
  dataset: Dataset;
  onClose: () => void;
}) {
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const { id, name } = dataset;

  async function confirm(): Promise<void> {
    await deleteDataset(id);
    forgetDataset(id);
    navigate("/datasets");
    client.removeQueries({ queryKey: ["datasets", id] });
    void client.invalidateQueries({ queryKey: ["datasets"] });
    void client.invalidateQueries({ queryKey: ["overview"] });
    showToast(`${name} is deleted.`);
  }

  return (
    <ConfirmDialog title={`Delete ${name}`} action="Delete" onConfirm={confirm} onClose={onClose}>
      {dataset.status === "ready"
        ? `Its ${plural(numImages(dataset), "image")}, findings and advice will be lost.`
        : "The upload and what is known about it will be lost."}{" "}
      Jobs and models that were trained on it stay. This cannot be undone.
    </ConfirmDialog>
  );
}
