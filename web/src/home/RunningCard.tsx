import { Link } from "wouter";
import { percent, plural } from "@/format";
import { describeProgress, doneShare, timeLeft } from "@/jobs/progress";
import { Card } from "@/ui/Card";
import { StatusChip } from "@/ui/Chip";
import { Progress } from "@/ui/Progress";
import { Loaded } from "@/ui/States";
import { useRunningJobs } from "./queries";
import styles from "./RunningCard.module.css";

/** The jobs that run now, with bars and the time left, and how many wait. */
export function RunningCard({ numQueued }: { numQueued: number }) {
  const query = useRunningJobs();
  return (
    <Card
      title="Running"
      aside={
        <>
          {numQueued > 0 && <span>{plural(numQueued, "job")} waiting</span>}
          <Link className="link" href="/jobs">
            All jobs
          </Link>
        </>
      }
    >
      <Loaded query={query}>
        {({ data: jobs, has_more }) =>
          jobs.length === 0 ? (
            <p className="muted small">
              No job runs now.{" "}
              <Link className="link" href="/jobs/new">
                Train a model
              </Link>
            </p>
          ) : (
            <ul className={styles.list}>
              {jobs.map(({ id, status, config, progress, best }) => (
                <li key={id}>
                  <Link href={`/jobs/${id}`} className={styles.job}>
                    <strong className={styles.name} title={config.model_name}>
                      {config.model_name}
                    </strong>
                    {status === "running" ? (
                      <span className={styles.state}>
                        {[
                          best && `best ${percent(best.val_accuracy)}`,
                          describeProgress({ status, progress }).what,
                          timeLeft({ status, progress }),
                        ]
                          .filter(Boolean)
                          .join(" · ")}
                      </span>
                    ) : (
                      <StatusChip status={status} />
                    )}
                  </Link>
                  {status === "running" && (
                    <Progress
                      value={doneShare({ status, progress })}
                      label={`Progress of ${config.model_name}`}
                    />
                  )}
                </li>
              ))}
              {has_more && (
                <li>
                  <Link className="link small" href="/jobs">
                    Show the others
                  </Link>
                </li>
              )}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}
