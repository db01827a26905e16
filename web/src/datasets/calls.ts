/** The calls behind the pages of datasets, for the button that shows them. */

import type { CallText } from "@/ui/Call";

/** Upload and list datasets. */
export function uploadCall(origin: string): CallText {
  return {
    curl: `# an archive with a folder for each class
curl -F file=@ants-and-bees.zip ${origin}/datasets
curl ${origin}/datasets`,
    python: `from graft_client import Graft

graft = Graft("${origin}")
dataset = graft.datasets.upload("ants-and-bees")  # a folder or an archive
dataset.wait()
for one in graft.datasets.list():
    print(one.name, one.status)`,
    cli: `graft upload ants-and-bees
graft datasets`,
  };
}

/** Get a dataset and train on it. */
export function datasetCall(origin: string, id: string): CallText {
  return {
    curl: `curl ${origin}/datasets/${id}
curl "${origin}/datasets/${id}/images?split=val"
curl ${origin}/datasets/${id}/advice
curl -H 'Content-Type: application/json' \\
  -d '{"dataset_id": "${id}", "strategy": "auto"}' ${origin}/jobs`,
    python: `from graft_client import Graft

graft = Graft("${origin}")
dataset = graft.datasets.get("${id}")
print(dataset.advice().reason)
job = graft.train(dataset, strategy="auto")
job.wait(progress=True)`,
    cli: `graft advice ${id}
graft train ${id} --strategy auto --watch`,
  };
}
