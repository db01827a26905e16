import { Page } from "@/ui/Page";

export default function DatasetsPage() {
  return (
    <Page title="DatasetsPage" documentTitle="DatasetsPage">
      <p>DatasetsPage</p>
    </Page>
  );
}
