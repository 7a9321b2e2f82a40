namespace Vitrine.Errors;

/// <summary>Whose error a <see cref="VitrineException"/> is.</summary>
public enum ErrorKind
{
    /// <summary>The request can't be carried out as given: a file, an argument, a configuration.</summary>
    User,

    /// <summary>The host refused or failed: a device node, a capability, memory.</summary>
    Host,
}
