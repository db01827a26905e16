import { Button } from "@/ui/Button";
import { Card } from "@/ui/Card";
import { Empty, Loaded } from "@/ui/States";
import { Time } from "@/ui/Time";
import styles from "./Models.module.css";
import { type Model, useEvents } from "./queries";
import { describe } from "./sentences";

/** What happened to the model, newest first. */
export function History({ model }: { model: Model }) {
  const query = useEvents(model.name);
  return (
    <Card title="History" aside="entries are never changed or deleted">
      <Loaded query={query}>
        {({ pages }) => {
          const events = pages.flatMap((page) => page.data);
          if (events.length === 0)
            return <Empty title="Nothing has happened">Changes appear here.</Empty>;
          return (
            <div className={styles.stack}>
              <ol className={styles.events}>
                {events.map((event) => (
                  <li key={event.id}>
                    <Time at={event.created_at} />
                    <span>{describe(event)}</span>
                  </li>
                ))}
              </ol>
              {query.hasNextPage && (
                <div>
                  <Button
                    isBusy={query.isFetchingNextPage}
                    onClick={() => void query.fetchNextPage()}
                  >
                    Show older entries
                  </Button>
                </div>
              )}
            </div>
          );
        }}
      </Loaded>
    </Card>
  );
}
