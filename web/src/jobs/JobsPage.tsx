import { Page } from "@/ui/Page";

export default function JobsPage() {
  return (
    <Page title="JobsPage" documentTitle="JobsPage">
      <p>JobsPage</p>
    </Page>
  );
}
