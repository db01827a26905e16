"""The report of a job on the wire."""

from pydantic import Field

from app.jobs.report_schemas import Report


class JobReportView(Report):
    """What the best checkpoint of a job is worth."""

    job_id: str = Field(description="The job.", examples=["job_01k0w1rhzemcbybsywa1w8p9"])
