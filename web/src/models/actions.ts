/** What one can do with a model; each refreshes what it changes. */

import { api, bodyAs, bodyOf, idempotencyKey, type Schemas } from "@/api/client";
import { waitForResult } from "@/api/pending";
import { queryClient } from "@/api/queries";

export const CHAMPION = "champion";

const NUM_CALIBRATION_IMAGES = 300; // the service's default

async function refresh(name: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ["models"] }),
    queryClient.invalidateQueries({ queryKey: ["models", name] }),
    queryClient.invalidateQueries({ queryKey: ["serving"] }),
    queryClient.invalidateQueries({ queryKey: ["overview"] }),
  ]);
}

/** Point an alias to a version; waits for the gate's evaluation. Raises ServiceError if it refuses. */
export async function pointAlias(
  name: string,
  alias: string,
  version: number,
  options: { reason?: string; force?: boolean } = {},
): Promise<Schemas["AliasDetail"]> {
  try {
    return await waitForResult(() =>
      api.PUT("/models/{name}/aliases/{alias}", {
        params: { path: { name, alias } },
        body: { version, force: options.force ?? false, reason: options.reason || null },
      }),
    );
  } finally {
    await refresh(name);
  }
}

/** Point an alias to its previous version again. */
export async function rollBack(name: string, alias: string): Promise<Schemas["AliasDetail"]> {
  const result = await bodyAs<Schemas["AliasDetail"]>(
    api.POST("/models/{name}/aliases/{alias}/rollback", {
      params: { path: { name, alias }, header: { "idempotency-key": idempotencyKey() } },
    }),
  );
  await refresh(name);
  return result;
}

/** Delete an alias. */
export async function deleteAlias(name: string, alias: string): Promise<void> {
  await bodyOf(api.DELETE("/models/{name}/aliases/{alias}", { params: { path: { name, alias } } }));
  await refresh(name);
}

/** Delete a version that no alias points to. */
export async function deleteVersion(name: string, version: number): Promise<void> {
  await bodyOf(
    api.DELETE("/models/{name}/versions/{version}", { params: { path: { name, version } } }),
  );
  await refresh(name);
}

/** Make a model the one that `/predict` uses, with or without a shadow. */
export async function choose(
  reference: string,
  shadow: Schemas["SetShadow"] | null = null,
): Promise<void> {
  await bodyOf(api.PUT("/serving", { body: { model: reference, shadow } }));
  await refresh(reference.split(/[:@]/)[0] ?? reference);
}

/** Set the gate that a version must pass to become champion. */
export async function setGate(name: string, gate: Schemas["SetGate"]): Promise<void> {
  await bodyOf(api.PUT("/models/{name}/gate", { params: { path: { name } }, body: gate }));
  await refresh(name);
}

/** Delete the gate. */
export async function deleteGate(name: string): Promise<void> {
  await bodyOf(api.DELETE("/models/{name}/gate", { params: { path: { name } } }));
  await refresh(name);
}

/** Quantize a version to int8, as a new version; waits for the worker. */
export async function quantize(
  name: string,
  version: number,
  datasetId: string,
): Promise<Schemas["Quantization"]> {
  const result = await waitForResult<Schemas["Quantization"]>(() =>
    api.POST("/models/{name}/versions/{version}/quantize", {
      params: { path: { name, version } },
      body: { dataset_id: datasetId, num_images: NUM_CALIBRATION_IMAGES },
    }),
  );
  await refresh(name);
  return result;
}

export type ExportFormat = "safetensors" | "onnx" | "torch_export" | "openvino";

/** Wait until a version's archive is built; returns the URL that downloads it. */
export async function prepareExport(
  name: string,
  version: number,
  format: ExportFormat,
): Promise<string> {
  const url = `/models/${name}/versions/${version}/export?format=${format}`;
  await waitForResult(() =>
    api.GET("/models/{name}/versions/{version}/export", {
      params: { path: { name, version }, query: { format } },
      parseAs: "stream",
    }),
  );
  return url;
}
