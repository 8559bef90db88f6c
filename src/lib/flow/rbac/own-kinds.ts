/**
 * What Kubernetes 1.35 itself serves, as its discovery tells: by group and version each kind and its resource, a star
 * between them where the objects belong to no namespace. test/cluster/rbac.test.ts holds it against a real API server.
 */
export const OWN_KINDS: Readonly<Record<string, string>> = {
  "admissionregistration.k8s.io/v1":
    "MutatingWebhookConfiguration*mutatingwebhookconfigurations ValidatingAdmissionPolicy*validatingadmissionpolicies ValidatingAdmissionPolicyBinding*validatingadmissionpolicybindings ValidatingWebhookConfiguration*validatingwebhookconfigurations",
  "apiextensions.k8s.io/v1": "CustomResourceDefinition*customresourcedefinitions",
  "apiregistration.k8s.io/v1": "APIService*apiservices",
  "apps/v1":
    "ControllerRevision:controllerrevisions DaemonSet:daemonsets Deployment:deployments ReplicaSet:replicasets StatefulSet:statefulsets",
  "authentication.k8s.io/v1": "SelfSubjectReview*selfsubjectreviews TokenReview*tokenreviews",
  "authorization.k8s.io/v1":
    "LocalSubjectAccessReview:localsubjectaccessreviews SelfSubjectAccessReview*selfsubjectaccessreviews SelfSubjectRulesReview*selfsubjectrulesreviews SubjectAccessReview*subjectaccessreviews",
  "autoscaling/v1": "HorizontalPodAutoscaler:horizontalpodautoscalers",
  "autoscaling/v2": "HorizontalPodAutoscaler:horizontalpodautoscalers",
  "batch/v1": "CronJob:cronjobs Job:jobs",
  "certificates.k8s.io/v1": "CertificateSigningRequest*certificatesigningrequests",
  "coordination.k8s.io/v1": "Lease:leases",
  "discovery.k8s.io/v1": "EndpointSlice:endpointslices",
  "events.k8s.io/v1": "Event:events",
  "flowcontrol.apiserver.k8s.io/v1": "FlowSchema*flowschemas PriorityLevelConfiguration*prioritylevelconfigurations",
  "networking.k8s.io/v1":
    "IPAddress*ipaddresses Ingress:ingresses IngressClass*ingressclasses NetworkPolicy:networkpolicies ServiceCIDR*servicecidrs",
  "node.k8s.io/v1": "RuntimeClass*runtimeclasses",
  "policy/v1": "PodDisruptionBudget:poddisruptionbudgets",
  "rbac.authorization.k8s.io/v1":
    "ClusterRole*clusterroles ClusterRoleBinding*clusterrolebindings Role:roles RoleBinding:rolebindings",
  "resource.k8s.io/v1":
    "DeviceClass*deviceclasses ResourceClaim:resourceclaims ResourceClaimTemplate:resourceclaimtemplates ResourceSlice*resourceslices",
  "scheduling.k8s.io/v1": "PriorityClass*priorityclasses",
  "storage.k8s.io/v1":
    "CSIDriver*csidrivers CSINode*csinodes CSIStorageCapacity:csistoragecapacities StorageClass*storageclasses VolumeAttachment*volumeattachments VolumeAttributesClass*volumeattributesclasses",
  v1: "Binding:bindings ComponentStatus*componentstatuses ConfigMap:configmaps Endpoints:endpoints Event:events LimitRange:limitranges Namespace*namespaces Node*nodes PersistentVolume*persistentvolumes PersistentVolumeClaim:persistentvolumeclaims Pod:pods PodTemplate:podtemplates ReplicationController:replicationcontrollers ResourceQuota:resourcequotas Secret:secrets Service:services ServiceAccount:serviceaccounts",
};
