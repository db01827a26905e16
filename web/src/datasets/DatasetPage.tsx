import { Page } from "@/ui/Page";

export default function DatasetPage() {
  return (
    <Page title="DatasetPage" documentTitle="DatasetPage">
      <p>DatasetPage</p>
    </Page>
  );
}
