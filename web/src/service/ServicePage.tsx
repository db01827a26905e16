import { Page } from "@/ui/Page";

export default function ServicePage() {
  return (
    <Page title="ServicePage" documentTitle="ServicePage">
      <p>ServicePage</p>
    </Page>
  );
}
