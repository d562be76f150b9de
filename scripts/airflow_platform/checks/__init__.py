"""What must hold for every render, whatever chart and values it came from.

Each check covers all containers (init containers, native sidecars and the pod template in Airflow's
ConfigMap included) unless it says that it looks at ours only. ``judge`` makes all of them.
"""
