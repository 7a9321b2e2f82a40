namespace Vitrine.Accelerators.Parts;

/// <summary>
/// What a vCPU is in the middle of, which is no state that a client could read: the access that its client is about to answer, and events that its client has left for
/// it. Only the accelerator that it comes from knows what is in it.
/// </summary>
public abstract class UnfinishedWork;
