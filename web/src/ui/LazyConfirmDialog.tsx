import { type ComponentProps, Suspense } from "react";
import type { ConfirmDialog as Dialog } from "./ConfirmDialog";
import { lazy } from "./lazy";

const ConfirmDialog = lazy(() =>
  import("./ConfirmDialog").then((module) => ({ default: module.ConfirmDialog })),
);

/** A confirmation whose code loads when it is first asked for. */
export function LazyConfirmDialog(props: ComponentProps<typeof Dialog>) {
  return (
    <Suspense>
      <ConfirmDialog {...props} />
    </Suspense>
  );
}
