import { useEffect, useState } from "react";
import { dateTime, relativeTime } from "@/format";

/** A time in words (“2 minutes ago”), with the date and time on hover. */
export function Time({ at }: { at: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <time dateTime={at} title={dateTime(at)}>
      {relativeTime(at, now)}
    </time>
  );
}
