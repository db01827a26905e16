"""Response schema of a job's report."""

from pydantic import Field

from app.jobs.report_schemas import Report


class JobReportView(Report):
    """The report of a job."""

    job_id: str = Field(description="The job.", examples=["job_01k0w1rhzemcbybsywa1w8p9"])
