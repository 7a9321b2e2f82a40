using System.Runtime.Versioning;

// Terminals, signals and guest memory come from Linux.
[assembly: SupportedOSPlatform("linux")]
