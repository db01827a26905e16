import { Link } from "wouter";
import { useDataset } from "./queries";

/** A dataset's name as a link; the id of a dataset that has been deleted. */
export function DatasetName({ id, isLink = true }: { id: string; isLink?: boolean }) {
  const { data, isError } = useDataset(id);
  if (isError) return <span title="This dataset has been deleted.">{id}</span>;
  const name = data?.name ?? "…";
  if (!isLink) return <span>{name}</span>;
  return (
    <Link href={`/datasets/${id}`} className="link">
      {name}
    </Link>
  );
}
