"""The introduction of the OpenAPI document, and its tags in the order of the data."""

DESCRIPTION = """
Graft trains image classifiers on your own images and serves them. It stores datasets, runs training
jobs in the background, and answers predictions.

Five requests lead from images to a prediction:

1. `POST /datasets` uploads an archive with one folder of images for each class.
2. `GET /datasets/{dataset_id}` shows the progress, and then what is in the dataset. Wait until
   `status` is `ready`.
3. `POST /jobs` with `{"dataset_id": "ds_…"}` trains a model on the dataset.
4. `GET /jobs/{job_id}` shows the progress of the training. Wait until `status` is `succeeded`.
5. `POST /predict` with an image returns the most probable classes.

A request that takes long returns 202 at once, and a worker does the work. Every error has a stable
`code`, says what is allowed, and has the `request_id` under which the log has the details.

The [dashboard](/ui/) shows the same data in the browser. Programs can read this description as
[openapi.json](/openapi.json).
"""

TAGS = [
    {
        "name": "datasets",
        "description": "Upload labelled images, and see what is in a dataset and what is wrong "
        "with it. A dataset does not change after its upload.",
    },
    {
        "name": "uploads",
        "description": "Upload a large archive in parts, and continue after an interruption, with "
        "any client of [tus 1.0](https://tus.io/protocols/resumable-upload). A dataset or a batch "
        "prediction is then created from the finished upload.",
    },
    {
        "name": "advice",
        "description": "Get a recommendation for training on a dataset, measured on its images.",
    },
    {
        "name": "architectures",
        "description": "List the networks that can be trained, with their pretrained weights.",
    },
    {
        "name": "jobs",
        "description": "Train a model on a dataset. A job can be validated before, and cancelled, "
        "stopped or resumed.",
    },
    {
        "name": "history",
        "description": "Follow a job: its metrics by epoch, its training curves and its events.",
    },
    {
        "name": "reports",
        "description": "Find out how good a job's model is and which images it gets wrong.",
    },
    {
        "name": "comparisons",
        "description": "Find out whether one model is better than another on the same images, and "
        "where they disagree.",
    },
    {
        "name": "studies",
        "description": "Compare configurations. A study trains each of them with several seeds and "
        "ranks them.",
    },
    {
        "name": "models",
        "description": "List the registered models and their versions. Each successful job "
        "registers a version.",
    },
    {
        "name": "evaluations",
        "description": "Measure the accuracy of a version on any dataset with the same classes.",
    },
    {
        "name": "quantization",
        "description": "Make an int8 version, which is smaller and faster on CPUs.",
    },
    {
        "name": "promotions",
        "description": "Choose which version an alias such as `champion` points to. A gate rejects "
        "versions that are worse than the current `champion`.",
    },
    {
        "name": "exports",
        "description": "Download a version as files that run without this service.",
    },
    {
        "name": "serving",
        "description": "Choose the model that answers predictions which name no model.",
    },
    {
        "name": "predict",
        "description": "Classify one image or several in one request.",
    },
    {
        "name": "batch predictions",
        "description": "Classify all images of a dataset or of an archive in the background.",
    },
    {
        "name": "open inference protocol",
        "description": "Classify images with clients of the Open Inference Protocol, such as "
        "those of KServe and Triton.",
    },
    {
        "name": "overview",
        "description": "Get the counts of everything and what needs attention, and follow changes.",
    },
    {
        "name": "access",
        "description": "Manage API keys, and find out who changed what.",
    },
    {
        "name": "service",
        "description": "Check the health of the service and get its metrics.",
    },
]
"""From images to predictions. Swagger UI lists the operations in this order."""
