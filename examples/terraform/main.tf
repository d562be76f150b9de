provider "helm" {
  kubernetes = {
    config_path = pathexpand(var.kube_config)
  }
}

resource "helm_release" "airflow" {
  name       = "airflow"
  namespace  = "lakehouse-platform"
  repository = "oci://ghcr.io/example/charts"
  chart      = "airflow-platform"
  version    = "0.1.0"

  create_namespace = true

  # The later one wins. They are in the state, so they hold no secrets: the values name Secrets, and Kubernetes
  # reads them.
  values = [
    file("${path.module}/../../values/${var.environment}.yaml"),
    file("${path.module}/../site/${var.environment}.yaml"),
  ]

  # Seconds. Long enough for the migration of a large database: Terraform waits for Jobs as well.
  wait          = true
  wait_for_jobs = true
  timeout       = 3600

  # An upgrade that fails stays as it is, so that people can see why. `atomic = true` would roll it back, and
  # uninstall a first installation that fails.
  atomic          = false
  cleanup_on_fail = true
  max_history     = 5
}
