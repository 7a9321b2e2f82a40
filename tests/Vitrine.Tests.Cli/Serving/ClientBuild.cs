namespace Vitrine.Tests.Cli.Serving;

/// <summary>How a client of /dev/kvm is built: each is a way in which programs reach the kernel.</summary>
public enum ClientBuild
{
    /// <summary>With shared libraries.</summary>
    Dynamic,

    /// <summary>Static, at the addresses that it was linked for.</summary>
    Static,

    /// <summary>Static and position independent.</summary>
    StaticPie,

    /// <summary>Static, with another C library.</summary>
    Musl,
}
