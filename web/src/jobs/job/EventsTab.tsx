import type { Schemas } from "@/api/client";
import { count, dateTime, percent } from "@/format";
import { Card } from "@/ui/Card";
import { Failure, Skeleton } from "@/ui/States";
import { Time } from "@/ui/Time";
import { VirtualTable } from "@/ui/VirtualTable";
import { type Job, useEvents } from "../queries";
import { describeEvent } from "./events";

type Event = Schemas["EventView"];

/** What has happened to a job, in order. */
export default function EventsTab({ job }: { job: Job }) {
  const query = useEvents(job);
  if (query.isError) {
    return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  }
  if (!query.data) return <Skeleton lines={8} label="Loading the events" />;
  const events = query.data.pages.flatMap((page) => page.data);
  return (
    <Card
      title="Events"
      aside={`${count(events.length)}${query.hasNextPage ? ", more below" : ""}, the oldest first`}
      flush
    >
      <VirtualTable<Event>
        caption="Events of the job, the oldest first"
        columns={[
          { key: "number", header: "No.", cell: (event) => count(event.event_number) },
          {
            key: "type",
            header: "Event",
            cell: (event) => event.type.replaceAll("_", " "),
            align: "left",
          },
          {
            key: "detail",
            header: "Detail",
            cell: (event) => <span className="muted">{describeEvent(event, percent)}</span>,
            align: "left",
            wide: true,
          },
          {
            key: "time",
            header: "Time",
            cell: (event) => (
              <span title={dateTime(event.created_at)}>
                <Time at={event.created_at} />
              </span>
            ),
          },
        ]}
        rows={events}
        rowKey={(event) => event.event_number}
        onEnd={query.hasNextPage ? () => void query.fetchNextPage() : undefined}
        height={560}
      />
    </Card>
  );
}
