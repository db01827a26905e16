import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { api, bodyOf } from "@/api/client";
import { count } from "@/format";
import { LinkButton } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { StatusChip } from "@/ui/Chip";
import { Empty, Loaded } from "@/ui/States";
import { Table } from "@/ui/Table";
import { Time } from "@/ui/Time";

/** The newest studies: comparisons that the service has planned and run as a whole. */
export function StudyList() {
  const query = useQuery({
    queryKey: ["studies", { limit: 20 }],
    queryFn: () => bodyOf(api.GET("/studies", { params: { query: { limit: 20 } } })),
  });
  return (
    <Loaded query={query}>
      {(page) =>
        page.data.length === 0 ? (
          <Card>
            <Empty
              title="Search for better settings"
              action={<LinkButton href="/studies/new">New study</LinkButton>}
            >
              A study trains several configurations on one dataset and ranks them.
            </Empty>
          </Card>
        ) : (
          <Card
            title="Studies"
            aside={<LinkButton href="/studies/new">New study</LinkButton>}
            flush
          >
            <Table
              caption="Studies"
              columns={[
                {
                  key: "name",
                  header: "Study",
                  cell: ({ id, name }) => (
                    <Link href={`/studies/${id}`} className="link">
                      {name}
                    </Link>
                  ),
                },
                {
                  key: "status",
                  header: "Status",
                  cell: ({ status }) => <StatusChip status={status} />,
                },
                { key: "runs", header: "Runs", cell: ({ progress }) => count(progress.runs) },
                {
                  key: "created",
                  header: "Created",
                  cell: ({ created_at }) => <Time at={created_at} />,
                  wide: true,
                },
              ]}
              rows={page.data}
              rowKey={({ id }) => id}
            />
          </Card>
        )
      }
    </Loaded>
  );
}
